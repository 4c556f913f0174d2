import FlowModels

/// The models that are served at one moment; one is the default.
public struct ModelSet: Sendable {
    /// Models, the default first, then in the order in which they were begun.
    public let models: [LoadedModel]
    /// Model that answers requests that name none.
    public let defaultModel: LoadedModel
    private let byName: [String: LoadedModel]

    /// The set of `models`, whose names differ; nil when there is none.
    /// - Parameter defaultName: name of the default model, which may be one without its version; the first answers where it is nil, or names none.
    init?(_ models: [LoadedModel], default defaultName: String?) {
        guard let first = models.first else { return nil }
        byName = Self.byName(models)
        let chosen = defaultName.flatMap { [byName] in byName[$0] } ?? first
        defaultModel = chosen
        self.models = [chosen] + models.filter { $0 !== chosen }
    }

    /// Models by their names, and by those without a version, which mean the highest.
    static func byName(_ models: [LoadedModel]) -> [String: LoadedModel] {
        var byName: [String: LoadedModel] = [:]
        for model in byVersion(models) {
            byName[model.base] = model
            byName[model.name] = model
        }
        for model in models where model.version == nil { byName[model.base] = model }
        return byName
    }

    /// The model called `name`, that of the highest version where the name has none; the default for nil.
    /// - Throws: ``ServingError/unknownModel(_:)``.
    public func model(named name: String?) throws(ServingError) -> LoadedModel {
        guard let name else { return defaultModel }
        guard let model = byName[name] else { throw .unknownModel(name) }
        return model
    }

    /// Models of one name without its version, the highest version last.
    public func versions(of base: String) -> [LoadedModel] {
        Self.byVersion(models.filter { $0.base == base })
    }

    private static func byVersion(_ models: [LoadedModel]) -> [LoadedModel] {
        models.sorted { $0.version ?? 0 < $1.version ?? 0 }
    }
}
