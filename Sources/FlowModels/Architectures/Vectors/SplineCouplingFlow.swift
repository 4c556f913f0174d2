import FlowCore
public import FlowLayers

/// RQ-NSF (C): couplings on vectors of alternating parity that send each dimension through a rational-quadratic spline; both
/// directions parallel.
///
/// Source: Durkan et al., *Neural Spline Flows* (2019), §3, arXiv:1906.04032, without its linear layers between couplings.
public struct SplineCouplingFlow: VectorFlow {
    public static let architectureName = "nsf-coupling"
    public typealias Transform = SplineTransform

    public var standardize: ActNorm
    public var layers: [Coupling]

    public init(standardize: ActNorm, layers: [Coupling]) {
        self.standardize = standardize
        self.layers = layers
    }
}
