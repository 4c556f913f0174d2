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

    /// All names, for help and errors.
    public static var names: String { architectures.map { $0.architectureName }.joined(separator: ", ") }

    /// Sizes to begin with where they are not those of most, in words.
    public static func defaults(_ size: (HyperParameters) -> String) -> String {
        let all = architectures.map { (name: $0.architectureName, size: size($0.defaultSizes)) }
        let others = all.filter { $0.size != all[0].size }
        let grouped = Dictionary(grouping: others, by: \.size).sorted { $0.value[0].name < $1.value[0].name }
        return ([all[0].size] + grouped.map { "\($0.key) of \($0.value.map(\.name).joined(separator: ", "))" })
            .joined(separator: "; ")
    }

    /// The architecture of that name, or nil.
    public static func architecture(named name: String) -> (any FlowArchitecture.Type)? {
        architectures.first { $0.architectureName == name }
    }
}
