import FoundationEssentials
import Metrics

/// What a running service said of itself at one moment. What an older or a younger one does not say is nil.
///
/// Texts in it have no control characters, whatever the service sent.
struct StatusReading {
    /// Answer to `GET /health`.
    struct Health: Decodable {
        var status: String?
        var live: Bool?
        var ready: Bool?
        var model: String?
        var version: String?
        var uptimeSeconds: Double?
    }

    /// One of the answer to `GET /admin/models`.
    struct ModelFile: Decodable {
        struct Failure: Decodable {
            var time: String?
            var reason: String?
        }

        var name: String?
        var file: String?
        var phase: String?
        var incoming: String?
        var `default`: Bool?
        var memoryBytes: Double?
        var leavingGenerations: Double?
        var failure: Failure?
    }

    /// Seconds by a clock that does not go back.
    var time: Double
    /// Unix time, seconds.
    var unixTime: Double
    var health: Health
    var metrics: StatusMetrics
    /// The models' files; nil where the service did not tell them.
    var files: [ModelFile]?
    /// Why ``files`` is nil; nil where it is not.
    var withheld: String?
}

extension StatusReading.Health {
    /// The answer `json`.
    /// - Throws: an error of the decoder.
    init(json: [UInt8]) throws {
        self = try StatusReading.decode(json)
        status = status.map(harmless)
        model = model.map(harmless)
        version = version.map(harmless)
    }
}

extension StatusReading {
    private struct Files: Decodable {
        var models: [ModelFile]
    }

    /// The files of the answer `json`.
    /// - Throws: an error of the decoder.
    static func files(json: [UInt8]) throws -> [ModelFile] {
        let answer: Files = try decode(json)
        return answer.models.map { file in
            var file = file
            file.name = file.name.map(harmless)
            file.file = file.file.map(harmless)
            file.phase = file.phase.map(harmless)
            file.incoming = file.incoming.map(harmless)
            file.failure = file.failure.map {
                ModelFile.Failure(time: $0.time.map(harmless), reason: $0.reason.map(harmless))
            }
            return file
        }
    }

    fileprivate static func decode<Value: Decodable>(_ json: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Value.self, from: Data(json))
    }
}

/// `text` with U+FFFD in the place of what is no character of a line: control characters, which terminals obey, separators of lines, and
/// what turns the direction of writing.
func harmless(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: result.append("\u{FFFD}")
        default: result.append(scalar)
        }
    }
    return String(result)
}
