public import FlowModels

/// The models that are loaded, by name; one is the default. Never changes once built.
public struct ModelStore: Sendable {
    /// In the order in which they were given.
    public let models: [any ImageDensity]
    /// Answers requests that name no model.
    public let defaultModel: any ImageDensity

    /// The first model is the default.
    /// - Throws: ``ServingError/badModelSet(reason:)`` when `models` is empty or two have one name.
    public init(_ models: [any ImageDensity]) throws(ServingError) {
        guard let first = models.first else { throw .badModelSet(reason: "no model was given") }
        var names: Set<String> = []
        for model in models where !names.insert(model.record.name).inserted {
            throw .badModelSet(reason: "two models are called \(model.record.name)")
        }
        self.models = models
        defaultModel = first
    }

    /// The model called `name`; the default for nil.
    /// - Throws: ``ServingError/unknownModel(_:)``.
    public func model(named name: String?) throws(ServingError) -> any ImageDensity {
        guard let name else { return defaultModel }
        guard let model = models.first(where: { $0.record.name == name }) else { throw .unknownModel(name) }
        return model
    }
}
