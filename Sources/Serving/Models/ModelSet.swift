import FlowModels

/// The models that are served at one moment; one is the default.
public struct ModelSet: Sendable {
    /// Models in the order in which they were given.
    public let models: [LoadedModel]
    /// Model that answers requests that name none.
    public let defaultModel: LoadedModel
    private let byName: [String: LoadedModel]

    /// The set of `models`, whose names differ and of which the first is the default; nil when there is none.
    init?(_ models: [LoadedModel]) {
        guard let first = models.first else { return nil }
        self.models = models
        defaultModel = first
        byName = Dictionary(uniqueKeysWithValues: models.map { ($0.name, $0) })
    }

    /// The model called `name`; the default for nil.
    /// - Throws: ``ServingError/unknownModel(_:)``.
    public func model(named name: String?) throws(ServingError) -> LoadedModel {
        guard let name else { return defaultModel }
        guard let model = byName[name] else { throw .unknownModel(name) }
        return model
    }
}
