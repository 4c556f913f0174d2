import CFlowKernels

extension Kernels {
    /// Runs some steps of a plan for `rows` rows side by side; arrays are `[units][lanes]`, `lanes` being `rows` rounded up
    /// to a multiple of 16. Its twin is the inverse in `D` passes, `MaskedAutoregressive.referenceInverse(_:context:)`.
    ///
    /// - Parameters:
    ///   - z: latents, `[positions][lanes]`.
    ///   - known: data, what the units read and what they give; the plan says where.
    ///   - partial: sums of the panel under way, `[maps][32][lanes]`; carries over from call to call.
    ///   - scratch: `[rows][32]`.
    ///   - logDet: `−s` of every position is added for each row, nats.
    ///   - panels: where the weights of each map's panel under way begin; carries over from call to call.
    package func solve(
        _ plan: SolvePlan, steps: Range<Int>, rows: Int, z: [Float], known: inout [Float], partial: inout [Float],
        scratch: inout [Float], logDet: inout [Float], panels: inout [Int]
    ) {
        let lanes = (rows + 15) / 16 * 16
        precondition(rows > 0 && steps.lowerBound >= 0 && steps.upperBound <= plan.steps.count)
        precondition(z.count >= plan.positions.count * lanes && known.count >= plan.known * lanes)
        precondition(partial.count >= plan.maps.count * 32 * lanes && scratch.count >= 32 * rows)
        precondition(logDet.count >= lanes && panels.count >= plan.maps.count)
        // In bounds by these preconditions and by those of the plan's steps.
        unsafe z.withUnsafeBufferPointer { z in
            unsafe known.withUnsafeMutableBufferPointer { known in
                unsafe partial.withUnsafeMutableBufferPointer { partial in
                    unsafe scratch.withUnsafeMutableBufferPointer { scratch in
                        unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                            unsafe withMaps(plan, lanes, known.baseAddress!, partial.baseAddress!, &panels) { maps in
                                var p = unsafe flow_solve(
                                    maps: maps, z: z.baseAddress,
                                    x: known.baseAddress! + plan.positions.lowerBound * lanes,
                                    log_det: logDet.baseAddress, scratch: scratch.baseAddress, bound: plan.bound,
                                    rows: rows, lanes: lanes)
                                unsafe plan.steps.withUnsafeBufferPointer {
                                    unsafe table.pointee.solve(&p, $0.baseAddress! + steps.lowerBound, steps.count)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func withMaps(
        _ plan: SolvePlan, _ lanes: Int, _ known: UnsafeMutablePointer<Float>, _ partial: UnsafeMutablePointer<Float>,
        _ panels: inout [Int], _ body: (UnsafeMutablePointer<flow_solve_map>) -> Void
    ) {
        unsafe withUnsafeTemporaryAllocation(of: flow_solve_map.self, capacity: plan.maps.count) { maps in
            for i in 0..<plan.maps.count {
                let map = plan.maps[i]
                unsafe maps.initializeElement(
                    at: i,
                    to: flow_solve_map(
                        weights: nil, biases: nil, known: known + map.inputs.lowerBound * lanes,
                        outputs: known + map.outputs.lowerBound * lanes,
                        activation: map.activation?.kernel ?? FLOW_IDENTITY,
                        stream: map.stream.map { unsafe known + $0 * lanes }, adds: map.adds ? 1 : 0,
                        partial: partial + i * 32 * lanes, panel: panels[i]))
            }
            unsafe withWeights(plan, 0, maps.baseAddress!) { unsafe body(maps.baseAddress!) }
            for i in 0..<plan.maps.count { unsafe panels[i] = maps[i].panel }
        }
    }

    /// Fills in the weights of map `i` and following: pointers to the elements of several arrays are good one inside the
    /// other only.
    private func withWeights(
        _ plan: SolvePlan, _ i: Int, _ maps: UnsafeMutablePointer<flow_solve_map>, _ body: () -> Void
    ) {
        if i == plan.maps.count { return body() }
        unsafe plan.maps[i].weights.withUnsafeBufferPointer { weights in
            unsafe plan.maps[i].biases.withUnsafeBufferPointer { biases in
                unsafe maps[i].weights = weights.baseAddress
                unsafe maps[i].biases = biases.baseAddress
                unsafe withWeights(plan, i + 1, maps, body)
            }
        }
    }
}
