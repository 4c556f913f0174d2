/// A density whose flow can be asked for, such as one that a model file gave.
package protocol FlowBacked {
    var architecture: any FlowArchitecture { get }
}

extension DensityModel: FlowBacked {
    package var architecture: any FlowArchitecture { flow }
}
