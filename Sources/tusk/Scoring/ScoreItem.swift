import DensityAPI
import HTTPContent

/// Image to score, or a place where there should be one.
struct ScoreItem: Sendable {
    /// What there is of the image.
    enum Content: Sendable {
        /// A file of an ``ImageFormat``, or an NPY array of one image.
        case encoded([UInt8])
        /// The model's row.
        case pixels([UInt8])
        /// Nothing, and why.
        case failed(ScoreFailure)
    }

    /// File that the image is from; in an archive with a colon and the name there; `-` for standard input.
    var source: String
    /// Place of the image among those of the source, from 0; nil where it holds a single one.
    var index: Int?
    var content: Content

    /// Bytes that it takes, about.
    var bytes: Int {
        switch content {
        case .encoded(let bytes), .pixels(let bytes): bytes.count
        case .failed: 0
        }
    }
}

/// Reason why an image has no score.
struct ScoreFailure: Error, Sendable, Equatable {
    /// Kind, as `type` of the route's errors.
    var type: String
    /// What is wrong, in words.
    var reason: String

    /// Whether another try may find the file sound: it is the system that failed.
    var isTemporary = false

    /// Kind of a file or archive that cannot be read, which the route has none of.
    static let fileType = "urn:tusk:problem:file"

    /// What the route would say.
    init(_ problem: Problem) { (type, reason) = (problem.kind.type, problem.detail) }

    /// A row of a stream that has no image; `reason` completes "image: it …".
    init(row reason: String) { (type, self.reason) = (Self.fileType, "image: it \(reason)") }

    /// A file or archive that cannot be read; `reason` completes "file: it …".
    init(file reason: String) { (type, self.reason) = (Self.fileType, "file: it \(reason)") }

    /// Members of a record, as those of an item of the route's lists.
    var json: [JSON.Member] { [JSON.Member("type", .string(type)), JSON.Member("error", .string(reason))] }
}
