import FlowCore
import FlowModels

/// Sizes of architectures, of which a command offers some.
protocol ArchitectureSizes: SizeTable {
    static var architectures: [any FlowArchitecture.Type] { get }
    /// Sizes that the command begins with in place of an architecture's own defaults.
    static var overrides: Sizes { get }
}

extension ArchitectureSizes {
    static var architectures: [any FlowArchitecture.Type] { FlowRegistry.architectures }
    static var overrides: Sizes { [:] }
    static var fields: [any SizeDescription] { FlowRegistry.fields(of: architectures) }

    /// Sizes that `architecture` begins with here.
    static func defaults(of architecture: any FlowArchitecture.Type) -> Sizes {
        architecture.defaultSizes.overridden(by: overrides)
    }

    static func owners(of field: any SizeDescription) -> [any FlowArchitecture.Type] {
        architectures.filter { $0.fields.contains { $0.name == field.name } }
    }

    static func note(on field: any SizeDescription) -> String {
        let owners = owners(of: field)
        var notes: [String] = []
        if owners.count < architectures.count {
            notes.append("Of \(owners.map { $0.architectureName }.joined(separator: ", ")).")
        }
        // the most frequent first
        let defaults = Dictionary(grouping: owners) { "\(Self.defaults(of: $0)[field.name] ?? field.standardValue)" }
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let words = defaults.enumerated().map { i, group in
            i == 0 ? group.key : "\(group.key) of \(group.value.map { $0.architectureName }.joined(separator: ", "))"
        }
        if !field.isSwitch { notes.append("Default: \(words.joined(separator: "; ")).") }
        return notes.joined(separator: " ")
    }
}

extension SizeArguments where Table: ArchitectureSizes {
    /// A value for each size of `architecture`: as it is given, or as in `base`, by default the architecture's own.
    /// - Throws: ``CommandError`` for a size that makes no sense, or that the architecture does not have.
    func sizes(of architecture: any FlowArchitecture.Type, over base: Sizes? = nil) throws -> Sizes {
        let given = try given()
        let own = architecture.fields.filter { $0.isOption }
        for field in Table.fields where given[field.name] != nil && !own.contains(where: { $0.name == field.name }) {
            throw CommandError(
                "\(Table.option(field)) is of \(Table.owners(of: field).map { $0.architectureName }.joined(separator: ", ")); "
                    + "the sizes of \(architecture.architectureName) are \(own.map(Table.option).joined(separator: ", "))"
            )
        }
        return try (base ?? Table.defaults(of: architecture)).overridden(by: given).resolved(by: architecture.fields)
    }
}

/// Sizes of what is trained.
enum TrainedSizes: ArchitectureSizes {}

/// Sizes of what is fitted to a formula, of two dimensions.
enum FittedSizes: ArchitectureSizes {
    static var architectures: [any FlowArchitecture.Type] {
        FlowRegistry.architectures.filter { $0 is any ReversibleArchitecture.Type }
    }
    static var overrides: Sizes { ["layers": 8, "hidden": [64, 64], "activation": "tanh"] }
}

/// Sizes of what is measured.
enum MeasuredSizes: ArchitectureSizes {
    static var overrides: Sizes { ["layers": 5, "hidden": [1024, 1024], "log_scale_bound": 7] }
}

/// Sizes of a dequantizer.
enum DequantizerSizes: SizeTable {
    static var fields: [any SizeDescription] { Dequantizer.fields }
    static var prefix: String { "dequantizer-" }
    static func note(on field: any SizeDescription) -> String { "Default: \(field.standardValue)." }
}
