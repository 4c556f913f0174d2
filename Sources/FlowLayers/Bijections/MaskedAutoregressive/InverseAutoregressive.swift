public import FlowCore

/// An inverse autoregressive map: a masked autoregressive one with its directions exchanged. Dimension `d` of the data is a
/// transform of dimension `d` of the latent, whose parameters are a function of the latent's dimensions before it.
///
///     x_d = z_d · exp(s_d) + t_d,    (t_d, s_d) = n(z_1 … z_{d−1}),    logDet[r] = −Σ s
///
/// Sampling (`inverse`) takes one pass of the network; density (`forward`) one triangular solve, and so do its gradients: see
/// ``Inverted``.
///
/// Source: Kingma et al., *Improving Variational Inference with Inverse Autoregressive Flow* (2016), §3, arXiv:1606.04934;
/// with a soft-clipped log-scale in place of the paper's sigmoid, equation 13.
public typealias InverseAutoregressive = Inverted<MaskedAutoregressive>

extension MaskedAutoregressive: Reversible {
    private var solve: TriangularSolve { TriangularSolve(conditioner, transform: transform, positions: dims) }

    public func inverseTaped(
        _ z: Matrix, context: Matrix?
    ) throws -> (x: Matrix, logDet: [Float], tape: TransformTape) {
        try checkWidth(of: z, "z")
        try checkContext(context, rows: z.rows)
        let (positions, logDet, tape) = solve.inverse(UnitMajor(z, reversed: reversed), context: context)
        return (positions.matrix(reversed: reversed), logDet, tape)
    }

    public func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout TransformTape) -> Matrix {
        solve.backward(UnitMajor(dx, reversed: reversed), dLogDet: dLogDet, through: &tape).matrix(reversed: reversed)
    }
}
