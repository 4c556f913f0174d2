internal import FoundationEssentials
internal import System

/// Class of an image, as a file or a column has it.
struct SampleLabel {
    /// The class; nil for -1, which says that there is none.
    private(set) var value: DataItem.Label?
    /// Whether the file says a class, or that there is none.
    private(set) var isSaid = false

    /// A file that says nothing of a class.
    private init() {}

    /// Names of the members of a JSON object that may be the class, the first that is there.
    static let members = [
        "label", "class", "cls", "category", "target", "class_id", "label_id", "class_name", "label_name",
    ]

    /// Reads the file of a sample: a number or a name, or a JSON object with one of ``members``; a JSON text without one says nothing.
    /// - Throws: ``DataError/damaged(file:reason:)`` for a text that is no JSON.
    init(_ bytes: [UInt8], isJSON: Bool, file: String) throws(DataError) {
        guard isJSON else {
            self.init(text: bytes)
            return
        }
        let value: JSONLabel
        do { value = try JSONDecoder().decode(JSONLabel.self, from: Data(bytes)) } catch {
            throw .damaged(file: file, reason: "it is no JSON text")
        }
        switch value {
        case .object(let members):
            let found = Self.members.lazy.compactMap { members[$0] }.first { $0 != .other }
            switch found {
            case .number(let number): self.init(number: number)
            case .text(let text): self.init(text: Array(text.utf8))
            default: self.init()
            }
        case .number(let number): self.init(number: number)
        case .text(let text): self.init(text: Array(text.utf8))
        case .other: self.init()
        }
    }

    /// A number, which may have a point and zeros behind it, or a name; blanks at the ends are left out, and an empty text says nothing.
    init(text bytes: [UInt8]) {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let start = (bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...]).drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start.startIndex
        let name = start[..<end]
        if name.isEmpty {
            self.init()
        } else if let text = String(validating: name, as: UTF8.self), let number = Double(text), number.isFinite {
            self.init(number: number)
        } else {
            self.init()
            (value, isSaid) = (.name(String(bytesOfName: name)), true)
        }
    }

    /// A number of a class, from 0; -1 for none. Another number is a name, as it would be in a folder.
    init(number: Double) {
        self.init()
        isSaid = true
        if let whole = Int(exactly: number) {
            value = whole == -1 ? nil : whole >= 0 ? .number(whole) : .name("\(whole)")
        } else {
            value = .name("\(number)")
        }
    }
}

/// JSON as far as a class needs it.
private enum JSONLabel: Decodable, Equatable {
    case number(Double)
    case text(String)
    case object([String: JSONLabel])
    case other

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(intValue: Int) { nil }
        init(stringValue: String) { self.stringValue = stringValue }
    }

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Name.self) {
            var members: [String: JSONLabel] = [:]
            // what a class is not is not looked into
            for key in container.allKeys
            where decoder.codingPath.isEmpty && SampleLabel.members.contains(key.stringValue) {
                members[key.stringValue] = try container.decode(JSONLabel.self, forKey: key)
            }
            self = .object(members)
            return
        }
        guard let value = try? decoder.singleValueContainer() else {
            self = .other
            return
        }
        // a boolean is no number
        if (try? value.decode(Bool.self)) != nil {
            self = .other
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else {
            self = .other
        }
    }
}
