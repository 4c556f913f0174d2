import HTTPContent

/// File of the web page, which the program carries inside.
public struct PageFile: Sendable {
    /// Path below the page's folder: `index.html`, `docs/docs.html`; at most one folder deep.
    public var path: String
    /// Makes the content; called when the file is first asked for.
    public var content: @Sendable () -> [UInt8]

    /// The file at `path` that holds `content`.
    public init(path: String, content: @escaping @Sendable () -> [UInt8]) {
        self.path = path
        self.content = content
    }

    /// Media type by the path's ending.
    var type: MediaType {
        switch path.split(separator: ".").last {
        case "html": .html
        case "js": .javaScript
        case "css": .css
        case "svg": .svg
        default: preconditionFailure("a file of the page has an ending without a media type")
        }
    }
}
