import FlowCore
import FlowKernels

/// `z = x · exp(s) + t` with `(t, s)` given by a network of the key, and what the backward pass needs.
func affineNetworkForward(
    x: UnitMajor, key: UnitMajor, context: Matrix?, bound: Float, network: Conditioner
) -> (z: UnitMajor, logDet: [Float], tape: AffineTape) {
    let (parameters, tape) = network.forwardTaped(key, context: context)
    var z = UnitMajor(units: x.units, rows: x.rows)
    var logDet = [Float](repeating: 0, count: x.stride)
    var zSpan = z.elements.mutableSpan
    var logDetSpan = logDet.mutableSpan
    Kernels.best.affineForward(
        x: x.elements.span, parameters: parameters.elements.span, bound: bound, rows: x.stride, z: &zSpan,
        logDet: &logDetSpan)
    return (z, Array(logDet[..<x.rows]), AffineTape(x: x, parameters: parameters, network: tape))
}

/// The backward pass that coupling and autoregressive maps share: through the affine map, then through the network
/// that gave its parameters.
/// - Returns: `∂L/∂x` of the transformed dimensions by the affine map alone, and `∂L/∂key` by the network.
func affineNetworkBackward(
    dz: UnitMajor, dLogDet: [Float], tape: inout AffineTape, bound: Float, network: Conditioner
) -> (dx: UnitMajor, dKey: UnitMajor) {
    var dx = UnitMajor(units: dz.units, rows: dz.rows)
    var dParameters = UnitMajor(units: 2 * dz.units, rows: dz.rows)
    var dxSpan = dx.elements.mutableSpan
    var dParametersSpan = dParameters.elements.mutableSpan
    let dLogDet = padded(dLogDet)
    Kernels.best.affineBackward(
        dz: dz.elements.span, dLogDet: dLogDet.span, x: tape.x.elements.span,
        parameters: tape.parameters.elements.span, bound: bound, rows: dz.stride, dx: &dxSpan,
        dParameters: &dParametersSpan)
    return (dx, network.backward(dParameters, through: &tape.network))
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
