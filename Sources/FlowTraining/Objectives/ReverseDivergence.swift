public import FlowCore
package import FlowLayers

/// A log-density, perhaps without its normalising constant, that can be differentiated.
public protocol DifferentiableDensity: Sendable {
    /// Event width `D`.
    var dims: Int { get }
    /// Computes `log p(x)` of each row, nats, up to a constant that is the same for all, and its gradient by `x`, `[batch, D]`.
    /// - Throws: ``FlowError`` when `x` or `context` does not have the density's width.
    func logDensity(_ x: Matrix, context: Matrix?) throws -> (values: [Double], gradient: Matrix)
}

/// Density of a flow whose base distribution is standard normal; its weights stay as they are.
public struct FlowDensity: DifferentiableDensity {
    let flow: any Bijection

    public init(_ flow: any Bijection) { self.flow = flow }

    public var dims: Int { flow.dims }

    public func logDensity(_ x: Matrix, context: Matrix?) throws -> (values: [Double], gradient: Matrix) {
        func evaluate(_ flow: some Bijection) throws -> (values: [Double], gradient: Matrix) {
            var (z, logDet, tape) = try flow.forwardTaped(x, context: context)
            let base = standardNormalLogDensity(z)
            let values = base.indices.map { base[$0] + Double(logDet[$0]) }
            for i in z.elements.indices { z.elements[i].negate() }
            let ones = [Float](repeating: 1, count: z.rows)
            return (values, flow.backward(Cotangent(dz: z, dLogDet: ones), through: &tape))
        }
        return try evaluate(flow)
    }
}

/// Estimates the divergence of a flow's density `q` from another, `p`, by samples of `q`:
///
///     KL(q ‖ p) = E_z [log q(x) − log p(x)],    x = f⁻¹(z),    log q(x) = log N(z) − log|det ∂x/∂z|
///
/// and its gradient by the flow's parameters, through `x`: z stays where it is, so nothing has to be known of `p` but its
/// logarithm and the gradient of that (Kingma & Welling 2014, §2.4, arXiv:1312.6114; Rezende & Mohamed 2015, §4,
/// arXiv:1505.05770; van den Oord et al. 2017, §4, arXiv:1711.10433, where `p` is another flow).
///
/// - Parameters:
///   - z: standard normal latents, `[batch, D]`.
///   - weight: weight of a row in the loss `−Σ weight · (log p − log q)`.
/// - Returns: `log p − log q` of each row, nats, and a tape that went through the backward pass.
package func reverseDivergence<Flow: Reversible>(
    of flow: Flow, from density: any DifferentiableDensity, _ z: Matrix, context: Matrix?, weight: Float
) throws -> (values: [Double], tape: Flow.Tape) {
    let sampler = Inverted(flow)
    var (x, logDet, tape) = try sampler.forwardTaped(z, context: context)
    let base = standardNormalLogDensity(z)
    var (values, dx) = try density.logDensity(x, context: context)
    for r in values.indices { values[r] -= base[r] - Double(logDet[r]) }
    for i in dx.elements.indices { dx.elements[i] *= -weight }
    let cotangent = Cotangent(dz: dx, dLogDet: Array(repeating: -weight, count: z.rows))
    _ = sampler.backward(cotangent, through: &tape)
    return (values, tape)
}
