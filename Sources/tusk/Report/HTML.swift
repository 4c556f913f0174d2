import FoundationEssentials
import Imaging

/// Text of an HTML page, which is well-formed as XML too: what is no mark-up of ours is escaped.
struct HTML: ExpressibleByStringLiteral {
    private(set) var source: String

    /// Mark-up that is written here.
    init(stringLiteral source: String) { self.source = source }

    private init(source: String) { self.source = source }

    /// Any text, as it is to be read.
    static func text(_ text: String) -> HTML {
        HTML(
            source: text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
                .replacing("\"", with: "&quot;"))
    }

    /// An element with its contents.
    static func element(_ name: String, _ contents: HTML...) -> HTML {
        HTML(source: "<\(name)>" + contents.map(\.source).joined() + "</\(name)>\n")
    }

    /// One after the other.
    static func all(_ parts: [HTML]) -> HTML { HTML(source: parts.map(\.source).joined()) }

    /// A table with names of columns, of which all but the first are of numbers.
    static func table(_ head: [String], _ rows: [[String]]) -> HTML {
        func row(_ cell: String, _ texts: [String]) -> HTML {
            element("tr", all(texts.map { element(cell, text($0)) }))
        }
        return HTML(source: "<div class=\"wide\"><table class=\"numbers\">")
            + element("thead", row("th", head)) + element("tbody", all(rows.map { row("td", $0) }))
            + HTML(source: "</table></div>\n")
    }

    /// A table of names and their values.
    static func list(_ rows: [(name: String, value: String)]) -> HTML {
        HTML(source: "<table>")
            + element(
                "tbody", all(rows.map { element("tr", element("th", text($0.name)), element("td", text($0.value))) }))
            + HTML(source: "</table>\n")
    }

    /// A picture, which is part of the page, with what it shows in words.
    /// - Throws: ``ImagingError``.
    static func figure(_ image: Image, caption: String) throws -> HTML {
        let base64 = Data(try encodePNG(image)).base64EncodedString()
        let alternative = text(caption).source
        return HTML(
            source: "<figure><img alt=\"\(alternative)\" width=\"\(image.width)\" height=\"\(image.height)\" "
                + "src=\"data:image/png;base64,\(base64)\"/><figcaption>\(alternative)</figcaption></figure>\n")
    }

    static func + (a: HTML, b: HTML) -> HTML { HTML(source: a.source + b.source) }

    /// Whole page, which asks nobody for anything: its policy lets a browser load no more than the pictures in it.
    static func page(title: String, _ body: HTML) -> [UInt8] {
        let head = HTML(
            source: """
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/>
                <style>\(style)</style>

                """)
        let page = element("head", head, element("title", text(title))) + element("body", body)
        return Array("<!DOCTYPE html>\n<html lang=\"en\">\n\(page.source)</html>\n".utf8)
    }

    private static let style = """

        :root { color-scheme: light dark; }
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
          color: #1c1e21; background: #fff; }
        h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #8885; }
        table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
        th, td { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; font-weight: normal; }
        tbody th { color: #5b6067; } thead th { border-bottom: 1px solid #8888; font-weight: 600; }
        .numbers td:not(:first-child), .numbers th:not(:first-child) { text-align: right; }
        .wide { overflow-x: auto; }
        figure { margin: 1rem 0; } figcaption { color: #5b6067; font-size: .9rem; }
        img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
        code { overflow-wrap: anywhere; }
        @media (prefers-color-scheme: dark) {
          body { color: #e4e6eb; background: #17191c; } tbody th, figcaption { color: #a8adb5; }
          img { filter: brightness(.9); }
        }

        """
}
