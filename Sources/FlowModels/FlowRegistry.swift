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
    ]

    /// The architecture of that name, or nil.
    public static func architecture(named name: String) -> (any FlowArchitecture.Type)? {
        architectures.first { $0.architectureName == name }
    }
}
