import FlowCore
import FlowKernels

/// The backward pass that coupling and autoregressive maps share: through the affine map, then through the network
/// that gave its parameters. Every array is unit-major.
/// - Returns: `∂L/∂x` of the transformed dimensions by the affine map alone, and `∂L/∂key` by the network.
func affineNetworkBackward(
    dz: [Float], dLogDet: [Float], tape: AffineTape, bound: Float, rows: Int,
    network: Conditioner, into gradient: inout Conditioner
) -> (dx: [Float], dKey: [Float]) {
    var dx = [Float](repeating: 0, count: dz.count)
    var dParameters = [Float](repeating: 0, count: tape.parameters.count)
    var dxSpan = dx.mutableSpan
    var dParametersSpan = dParameters.mutableSpan
    affineBackward(
        dz: dz.span, dLogDet: dLogDet.span, x: tape.x.span, parameters: tape.parameters.span, bound: bound,
        rows: rows, dx: &dxSpan, dParameters: &dParametersSpan)
    let dKey = network.backward(dParameters, tape: tape.network, rows: rows, into: &gradient)
    return (dx, dKey)
}

/// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
func checkSizes(dims: Int, atLeast: Int, hidden: [Int], logScaleBound: Float) throws {
    guard dims >= atLeast else {
        throw FlowError.outOfRange(argument: "dims", value: "\(dims)", allowed: "\(atLeast) or more")
    }
    guard !hidden.isEmpty, hidden.allSatisfy({ $0 > 0 }) else {
        throw FlowError.outOfRange(argument: "hidden", value: "\(hidden)", allowed: "one or more positive sizes")
    }
    guard logScaleBound > 0, logScaleBound.isFinite else {
        throw FlowError.outOfRange(argument: "log_scale_bound", value: "\(logScaleBound)", allowed: "above 0")
    }
}
