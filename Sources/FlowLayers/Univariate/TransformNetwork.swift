import FlowCore
import FlowKernels

/// Transforms every dimension of `x`, data → latent, with parameters that a network makes of the key, and tapes what the backward
/// pass needs.
/// - Returns: the latents, `[dims, rows]`, and the log-determinant of each row, nats.
func transformForward(
    x: UnitMajor, key: UnitMajor, context: Matrix?, transform: UnivariateTransform, network: Conditioner
) -> (z: UnitMajor, logDet: [Float], tape: TransformTape) {
    let (parameters, tape) = network.forwardTaped(key, context: context)
    var z = UnitMajor(units: x.units, rows: x.rows)
    var logDet = [Float](repeating: 0, count: x.stride)
    var zSpan = z.elements.mutableSpan
    var logDetSpan = logDet.mutableSpan
    Kernels.best.transformForward(
        transform, x: x.elements.span, parameters: parameters.elements.span, rows: x.stride, z: &zSpan,
        logDet: &logDetSpan)
    return (z, Array(logDet[..<x.rows]), TransformTape(x: x, parameters: parameters, network: tape))
}

/// Pulls cotangents back through the transforms, then through the network that gave their parameters, as coupling and
/// autoregressive maps need it.
/// - Returns: `∂L/∂x` of the transformed dimensions by the transforms alone, and `∂L/∂key` by the network.
func transformBackward(
    dz: UnitMajor, dLogDet: [Float], tape: inout TransformTape, transform: UnivariateTransform, network: Conditioner
) -> (dx: UnitMajor, dKey: UnitMajor) {
    var dx = UnitMajor(units: dz.units, rows: dz.rows)
    var dParameters = UnitMajor(units: transform.parameterCount * dz.units, rows: dz.rows)
    var dxSpan = dx.elements.mutableSpan
    var dParametersSpan = dParameters.elements.mutableSpan
    let dLogDet = padded(dLogDet)
    Kernels.best.transformBackward(
        transform, dz: dz.elements.span, dLogDet: dLogDet.span, x: tape.x.elements.span,
        parameters: tape.parameters.elements.span, rows: dz.stride, dx: &dxSpan, dParameters: &dParametersSpan)
    return (dx, network.backward(dParameters, through: &tape.network))
}

/// Computes the gradients of the transforms alone, by what they were applied to and by their parameters, for cotangents that are
/// `value` for every dimension of every row, and `dLogDet`, zero where that is empty.
///
/// Gradients are linear in the cotangents, so that two calls tell what any cotangent would be pulled back to.
func transformGradients(
    _ tape: TransformTape, _ transform: UnivariateTransform, value: Float, dLogDet: [Float]
) -> (dx: UnitMajor, dParameters: UnitMajor) {
    let (x, parameters) = (tape.x, tape.parameters)
    let dz = [Float](repeating: value, count: x.elements.count)
    let dLogDet = dLogDet.isEmpty ? Array(repeating: 0, count: x.stride) : padded(dLogDet)
    var dx = UnitMajor(units: x.units, rows: x.rows)
    var dParameters = UnitMajor(units: parameters.units, rows: x.rows)
    var dxSpan = dx.elements.mutableSpan
    var dParametersSpan = dParameters.elements.mutableSpan
    Kernels.best.transformBackward(
        transform, dz: dz.span, dLogDet: dLogDet.span, x: x.elements.span, parameters: parameters.elements.span,
        rows: x.stride, dx: &dxSpan, dParameters: &dParametersSpan)
    return (dx, dParameters)
}

/// Refuses sizes of which no map with a dense conditioner is made.
/// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
func checkSizes(dims: Int, atLeast: Int, shape: ConditionerShape, transform: UnivariateTransform) throws {
    guard dims >= atLeast else {
        throw FlowError.outOfRange(argument: "dims", value: "\(dims)", allowed: "\(atLeast) or more")
    }
    try shape.check()
    try checkSizes(transform)
}

/// Refuses a transform with a size that is not allowed.
/// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
func checkSizes(_ transform: UnivariateTransform) throws {
    if let fault = transform.fault {
        throw FlowError.outOfRange(argument: fault.size, value: fault.value, allowed: fault.allowed)
    }
}
