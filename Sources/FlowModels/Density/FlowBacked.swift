/// A density whose flow can be asked for, such as one that a model file gave.
package protocol FlowBacked {
    var architecture: any FlowArchitecture { get }
    /// Of a model with variational dequantization.
    var dequantizer: Dequantizer? { get }
}

extension DensityModel: FlowBacked {
    package var architecture: any FlowArchitecture { flow }
}
