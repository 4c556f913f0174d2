public import FlowCore

/// Every architecture that can be trained and loaded; a new one is a line here.
public enum FlowRegistry {
    /// Architectures in the order in which help and errors list them.
    public static let architectures: [any FlowArchitecture.Type] = [
        MaskedAutoregressiveFlow.self,
        InverseAutoregressiveFlow.self,
        AffineCouplingFlow.self,
        SplineCouplingFlow.self,
        SplineAutoregressiveFlow.self,
        NICEFlow.self,
        RealNVPFlow.self,
        GlowFlow.self,
        SplineGlowFlow.self,
        SplineConvolutionalFlow.self,
        MixtureCouplingFlow.self,
        MixtureAutoregressiveFlow.self,
        MixtureGlowFlow.self,
        MixtureConvolutionalFlow.self,
    ]

    /// Names of all architectures, for help and errors.
    public static var names: String { architectures.map { $0.architectureName }.joined(separator: ", ") }

    /// Returns the architecture called `name`, or nil.
    public static func architecture(named name: String) -> (any FlowArchitecture.Type)? {
        architectures.first { $0.architectureName == name }
    }

    /// Sizes that at least one of ``architectures`` has, each once.
    public static let fields = fields(of: architectures)

    /// Returns the sizes that at least one of `architectures` has, each once, in the order of their own lists.
    public static func fields(of architectures: [any FlowArchitecture.Type]) -> [any SizeDescription] {
        var fields: [any SizeDescription] = []
        for field in architectures.flatMap({ $0.fields }) where !fields.contains(where: { $0.name == field.name }) {
            fields.append(field)
        }
        return fields
    }
}
