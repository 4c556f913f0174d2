import ArgumentParser
import FlowCore
import FlowModels

/// Sizes that a command asks for: its options come from their fields, so that a size that an architecture has is an option without
/// a line of its own.
protocol SizeTable {
    /// Fields of the table; each that ``SizeDescription/isOption`` is an option.
    static var fields: [any SizeDescription] { get }
    /// Prefix of the fields' names in options, such as `dequantizer-`.
    static var prefix: String { get }
    /// Words of the help on `field`: its defaults, and the architectures that have it.
    static func note(on field: any SizeDescription) -> String
}

extension SizeTable {
    static var prefix: String { "" }
    static func option(_ field: any SizeDescription) -> String { "--\(prefix)\(field.optionName)" }
    fileprivate static var options: [any SizeDescription] { fields.filter { $0.isOption } }
}

/// Options of a table, one for each of its sizes.
///
/// The argument parser finds options by reflection and reads them by their keys; both are made of the table here. What the options
/// say is checked by ``given()``, so that a size that makes no sense is refused as other values are.
struct SizeArguments<Table: SizeTable>: ParsableArguments, CustomReflectable {
    /// Words of the command line, by the names of the fields.
    private var words: [String: String] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for field in Table.options {
            let key = Key(stringValue: field.name)
            if field.isSwitch {
                if try container.decode(Flag<Bool>.self, forKey: key).wrappedValue { words[field.name] = "true" }
            } else {
                words[field.name] = try container.decode(Option<String?>.self, forKey: key).wrappedValue
            }
        }
    }

    /// Definitions of the options, as property wrappers would leave them.
    var customMirror: Mirror {
        Mirror(
            self,
            children: Table.options.map { field -> (label: String?, value: Any) in
                let name = NameSpecification.customLong(Table.prefix + field.optionName)
                let text = [field.help, Self.range(of: field), Table.note(on: field)].filter { !$0.isEmpty }
                let help = ArgumentHelp(
                    "\(text.joined(separator: " "))", valueName: field.isSwitch ? nil : field.valueName)
                if field.isSwitch { return (field.name, Flag<Bool>(wrappedValue: false, name: name, help: help)) }
                return (
                    field.name,
                    Option<String?>(
                        name: name, help: help, completion: field.choices.isEmpty ? nil : .list(field.choices))
                )
            })
    }

    private static func range(of field: any SizeDescription) -> String {
        let words = field.choices.isEmpty ? field.allowedWords : field.choices.joined(separator: ", ")
        return words.isEmpty ? "" : "Allowed: \(words)."
    }

    /// The sizes that stand on the command line.
    /// - Throws: ``CommandError`` for one that cannot be read or makes no sense.
    func given() throws -> Sizes {
        var sizes = Sizes()
        for field in Table.options {
            guard let words = words[field.name] else { continue }
            let option = Table.option(field)
            let allowed = field.allowedWords.isEmpty ? "" : ", \(field.allowedWords)"
            guard let value = field.value(words: words) else {
                throw CommandError("\(option) \(words): \(field.kind) was expected\(allowed)")
            }
            do throws(FlowError) {
                sizes[field.name] = try field.checked(value)
            } catch {
                throw CommandError("\(option) is \(words); it must be \(field.allowedWords)")
            }
        }
        return sizes
    }
}

/// Keys by which the options of a table are read.
private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
