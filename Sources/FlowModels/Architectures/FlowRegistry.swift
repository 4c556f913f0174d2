public import FlowCore

/// Every architecture that can be trained and loaded; a new one is a line here.
public enum FlowRegistry {
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

    /// All names, for help and errors.
    public static var names: String { architectures.map { $0.architectureName }.joined(separator: ", ") }

    /// The architecture of that name, or nil.
    public static func architecture(named name: String) -> (any FlowArchitecture.Type)? {
        architectures.first { $0.architectureName == name }
    }

    /// Every size that one of the architectures has, once.
    public static let fields = fields(of: architectures)

    /// Every size that one of `architectures` has, once, in the order of their own lists.
    public static func fields(of architectures: [any FlowArchitecture.Type]) -> [any SizeDescription] {
        var fields: [any SizeDescription] = []
        for field in architectures.flatMap({ $0.fields }) where !fields.contains(where: { $0.name == field.name }) {
            fields.append(field)
        }
        return fields
    }
}
