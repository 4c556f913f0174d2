import FlowCore
import FlowKernels

/// `z = x · exp(s) + t` with `(t, s)` given by a network of the key, and what the backward pass needs.
func affineNetworkForward(
    x: [Float], key: [Float], bound: Float, rows: Int, network: Conditioner
) -> (z: [Float], logDet: [Float], tape: AffineTape) {
    let (parameters, inputs) = network.forwardTaped(key, rows: rows)
    var z = x
    var logDet = [Float](repeating: 0, count: rows)
    var zSpan = z.mutableSpan
    var logDetSpan = logDet.mutableSpan
    affineForward(x: x.span, parameters: parameters.span, bound: bound, rows: rows, z: &zSpan, logDet: &logDetSpan)
    return (z, logDet, AffineTape(x: x, parameters: parameters, network: inputs))
}

/// `x = (z − t) · exp(−s)` with `(t, s)` given by a network of the key.
func affineNetworkInverse(
    z: [Float], key: [Float], bound: Float, rows: Int, network: Conditioner
) -> (x: [Float], logDet: [Float]) {
    let parameters = network.forward(key, rows: rows)
    var x = z
    var logDet = [Float](repeating: 0, count: rows)
    var xSpan = x.mutableSpan
    var logDetSpan = logDet.mutableSpan
    affineInverse(z: z.span, parameters: parameters.span, bound: bound, rows: rows, x: &xSpan, logDet: &logDetSpan)
    return (x, logDet)
}

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
func checkSizes(dims: Int, atLeast: Int, shape: ConditionerShape, logScaleBound: Float) throws {
    guard dims >= atLeast else {
        throw FlowError.outOfRange(argument: "dims", value: "\(dims)", allowed: "\(atLeast) or more")
    }
    try shape.check()
    guard logScaleBound > 0, logScaleBound.isFinite else {
        throw FlowError.outOfRange(argument: "log_scale_bound", value: "\(logScaleBound)", allowed: "above 0")
    }
}
