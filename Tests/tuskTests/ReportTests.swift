import Foundation
import Testing

@testable import tusk

@Suite("tusk evaluate --report", .timeLimit(.minutes(15)))
struct ReportTests {
    /// Names of the elements that are open where `page` contradicts itself; empty where it is well-formed.
    private func unclosed(_ page: String) -> [String] {
        var open: [String] = []
        let style = page.replacing(/(?s)<style>.*?<\/style>/, with: "")
        for match in style.matches(of: /<(\/?)([a-z0-9]+)((?:\s+[a-z-]+="[^"<>]*")*)\s*(\/?)>/) {
            if match.1 == "/" {
                guard open.last == String(match.2) else { return open }
                open.removeLast()
            } else if match.4 != "/" {
                open.append(String(match.2))
            }
        }
        // every other angle bracket is escaped
        let rest = style.replacing("<!DOCTYPE html>", with: "")
            .replacing(/<\/?[a-z0-9]+(?:\s+[a-z-]+="[^"<>]*")*\s*\/?>/, with: "")
        return open + (rest.contains("<") || rest.contains(">") ? ["a bracket"] : [])
    }

    @Test("writes one page, well-formed, with all that it needs in it")
    func page() throws {
        let work = try Workplace()
        #expect(try Program.run(CommandTests.train(work, "--epochs", "2")).code == 0)
        let model = work.file("m.safetensors")
        let evaluate = ["evaluate", "--model", model, "--data", work.path, "--split", "test"]
        let report = work.file("r.html")
        let made = try Program.run(evaluate + ["--report", report, "--outliers", "made", "--samples", "20"])
        #expect(made.code == 0, "\(made.errors)")
        // what is printed is what is printed without
        #expect(try Program.run(evaluate + ["--outliers", "made", "--samples", "20"]).output == made.output)
        let page = String(decoding: try work.contents("r.html"), as: UTF8.self)
        #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">") && unclosed(page).isEmpty, "\(unclosed(page))")
        for section in ["Density", "Training", "Samples", "Calibration", "Outliers", "Most unusual images"] {
            #expect(page.contains("<h2>\(section)</h2>"), "\(section)")
        }
        for text in ["Kolmogorov-Smirnov", "upside down", "On the right in red", "20 of seed 0", "tusk 0.2.0"] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(!page.contains("There is no training curve"))
        // nothing is fetched: no address but of data, no script, no style from elsewhere
        let sources = page.matches(of: /(?:src|href|url|srcset)\s*[=(]\s*"?([^">]{0,30})/).map { String($0.1) }
        #expect(sources.count == 5 && sources.allSatisfy { $0.hasPrefix("data:image/png;base64,") }, "\(sources.count)")
        #expect(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"))
        #expect(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"))

        let refused = try Program.run(evaluate + ["--report", report])
        #expect(refused.code == 1 && refused.errors.contains("--report \(report): the file is there"))
        #expect(try Program.run(evaluate + ["--report", report, "--overwrite", "--json"]).code == 0)
        let short = String(decoding: try work.contents("r.html"), as: UTF8.self)
        #expect(
            short.contains("was not measured: --samples does") && short.contains("was not measured: --outliers does"))
        try FileManager.default.removeItem(atPath: work.file("m.csv"))
        #expect(try Program.run(evaluate + ["--report", report, "--overwrite"]).code == 0)
        #expect(String(decoding: try work.contents("r.html"), as: UTF8.self).contains("There is no training curve"))
    }

    @Test("text is escaped, whatever it is")
    func escaping() {
        #expect(HTML.text("<b class=\"x\">&amp;").source == "&lt;b class=&quot;x&quot;&gt;&amp;amp;")
        #expect(HTML.element("p", .text("a<b")).source == "<p>a&lt;b</p>\n")
        let page = String(decoding: HTML.page(title: "</title>", .table(["<"], [["&"]])), as: UTF8.self)
        #expect(unclosed(page).isEmpty && page.contains("&lt;/title&gt;"))
        #expect(!unclosed("<p><b></p></b>").isEmpty && !unclosed("<p>").isEmpty && !unclosed("a < b").isEmpty)
    }
}
