import CFlowKernels

/// What some units of a panel still lack of their sums, in a sequential solve over `lanes` rows side by side.
package struct SolveStep: Sendable {
    /// First of the known inputs, an offset into `[inputs][lanes]`.
    package var known: Int
    /// First weight, an offset into `[inputs][32]`.
    package var weights: Int
    /// First of the sums so far, an offset into `[units][lanes]`.
    package var partial: Int
    /// Known inputs to bring in.
    package var depth: Int

    package init(known: Int, weights: Int, partial: Int, depth: Int) {
        self.known = known
        self.weights = weights
        self.partial = partial
        self.depth = depth
    }
}

extension Kernels {
    /// `y[u] = f(partial[u] + Σₜ w[t, u] · known[t])` for `count` units; without `f` the sums themselves. `y` is part of
    /// `known`, behind what is read.
    package func solveUnits(
        _ f: Activation?, _ step: SolveStep, count: Int, lanes: Int, weights: [Float], partial: [Float],
        known: inout [Float], y: Int
    ) {
        check(step, count: count, lanes: lanes, weights: weights, partial: partial, known: known)
        precondition(y >= step.known + step.depth * lanes && y + count * lanes <= known.count)
        unsafe withSolve(step, lanes, weights, partial, &known) { p, known in
            unsafe table.pointee.solve_units(f?.kernel ?? FLOW_IDENTITY, p, count, known + y)
        }
    }

    /// One dimension: the sums of its shift `t` and, 16 units further, of its unbounded log-scale as above, then
    /// `x = (z − t) · exp(−s)`; adds `−s` to each row's log-det, nats. `x` is part of `known`.
    package func solveDimension(
        _ step: SolveStep, lanes: Int, weights: [Float], partial: [Float], z: [Float], _ zOffset: Int, bound: Float,
        known: inout [Float], x: Int, logDet: inout [Float]
    ) {
        check(step, count: 17, lanes: lanes, weights: weights, partial: partial, known: known)
        precondition(x >= 0 && x + lanes <= known.count && zOffset >= 0 && zOffset + lanes <= z.count)
        precondition(logDet.count >= lanes)
        unsafe z.withUnsafeBufferPointer { z in
            unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                unsafe withSolve(step, lanes, weights, partial, &known) { p, known in
                    unsafe table.pointee.solve_dimension(
                        p, z.baseAddress! + zOffset, bound, known + x, logDet.baseAddress)
                }
            }
        }
    }

    private func check(
        _ step: SolveStep, count: Int, lanes: Int, weights: [Float], partial: [Float], known: [Float]
    ) {
        precondition(lanes > 0 && lanes % 16 == 0 && step.depth >= 0 && count > 0 && step.known >= 0)
        precondition(step.weights >= 0 && step.partial >= 0 && step.partial + count * lanes <= partial.count)
        precondition(step.known + step.depth * lanes <= known.count)
        precondition(step.depth == 0 || step.weights + 32 * (step.depth - 1) + count <= weights.count)
    }

    /// In bounds by ``check(_:count:lanes:weights:partial:known:)``.
    private func withSolve(
        _ step: SolveStep, _ lanes: Int, _ weights: [Float], _ partial: [Float], _ known: inout [Float],
        _ body: (UnsafePointer<flow_solve>, UnsafeMutablePointer<Float>) -> Void
    ) {
        unsafe weights.withUnsafeBufferPointer { weights in
            unsafe partial.withUnsafeBufferPointer { partial in
                unsafe known.withUnsafeMutableBufferPointer { known in
                    var p = unsafe flow_solve()
                    unsafe p.known = UnsafePointer(known.baseAddress! + step.known)
                    unsafe p.weights = step.depth == 0 ? weights.baseAddress : weights.baseAddress! + step.weights
                    unsafe p.partial = partial.baseAddress! + step.partial
                    unsafe p.depth = step.depth
                    unsafe p.lanes = lanes
                    unsafe body(&p, known.baseAddress!)
                }
            }
        }
    }

    /// `y[c, r] = x[r, c]` for `rows × columns` elements; rows of either stand any stride apart, their elements side by
    /// side.
    package func transpose(
        _ x: [Float], _ px: Operand, to y: inout [Float], _ py: Operand, rows: Int, columns: Int
    ) {
        precondition(rows > 0 && columns > 0 && px.stride == 1 && py.stride == 1)
        precondition(px.fits(x.count, steps: rows, count: columns) && py.fits(y.count, steps: columns, count: rows))
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.transpose(
                    x.baseAddress! + px.offset, px.stepStride, y.baseAddress! + py.offset, py.stepStride, rows, columns)
            }
        }
    }
}
