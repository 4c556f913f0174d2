import CFlowKernels

extension Kernels {
    /// Runs some steps of a plan for `rows` rows side by side: `scratch.z` becomes data, position by position, and the
    /// log-derivative of every position is added to `scratch.logDet`. Arrays are `[units][lanes]`, `lanes` being `rows` rounded up to a
    /// multiple of 16. Its twin is the inverse in `D` passes, `MaskedAutoregressive.referenceInverse(_:context:)`.
    ///
    /// - Parameter isGiven: whether the positions of these steps are data already: then those of `scratch.z` become latents, and what is
    ///   added is the log-derivative of data → latent.
    package func solve(
        _ plan: SolvePlan, steps: Range<Int>, rows: Int, isGiven: Bool = false, _ scratch: inout SolveScratch
    ) {
        let lanes = (rows + 15) / 16 * 16
        precondition(rows > 0 && steps.lowerBound >= 0 && steps.upperBound <= plan.steps.count)
        precondition(scratch.z.count >= plan.positions.count * lanes && scratch.known.count >= plan.known * lanes)
        precondition(scratch.partial.count >= plan.partial * lanes && scratch.scratch.count >= 32 * rows)
        precondition(scratch.logDet.count >= lanes && scratch.panels.count >= plan.maps.count)
        precondition(scratch.panelSteps.count >= plan.maps.count)
        precondition(scratch.halfKnown.count >= plan.pairs * lanes && scratch.room.count >= plan.room)
        // In bounds by these preconditions and by those of the plan's steps.
        unsafe withMaps(plan, lanes, &scratch) { maps, z, logDet, panel in
            var p = unsafe flow_solve(
                maps: maps, z: z, given: isGiven ? 1 : 0,
                context: plan.positions.lowerBound - plan.maps[0].inputs.lowerBound, log_det: logDet, scratch: panel,
                transform: plan.transform.kernel, rows: rows, lanes: lanes)
            unsafe plan.steps.withUnsafeBufferPointer {
                unsafe table.pointee.solve(&p, $0.baseAddress! + steps.lowerBound, steps.count)
            }
        }
    }

    private typealias FloatPointer = UnsafeMutablePointer<Float>

    /// Hands the maps as C has them to `body`, with the latents, the log-determinants and the scratch for one panel.
    private func withMaps(
        _ plan: SolvePlan, _ lanes: Int, _ scratch: inout SolveScratch,
        _ body: (UnsafeMutablePointer<flow_solve_map>, FloatPointer?, FloatPointer?, FloatPointer?) -> Void
    ) {
        unsafe withUnsafeTemporaryAllocation(of: flow_solve_map.self, capacity: plan.maps.count) { maps in
            unsafe scratch.known.withUnsafeMutableBufferPointer { known in
                unsafe scratch.halfKnown.withUnsafeMutableBufferPointer { halfKnown in
                    unsafe scratch.partial.withUnsafeMutableBufferPointer { partial in
                        unsafe scratch.room.withUnsafeMutableBufferPointer { room in
                            var pairs = 0
                            var widened = 0
                            for i in 0..<plan.maps.count {
                                let map = plan.maps[i]
                                var c = unsafe flow_solve_map()
                                unsafe c.known = known.baseAddress! + map.inputs.lowerBound * lanes
                                unsafe c.activation = map.activation?.kernel ?? FLOW_IDENTITY
                                if let sum = map.sum { unsafe c.sum = known.baseAddress! + sum * lanes }
                                if let skip = map.skip {
                                    unsafe c.skip = UnsafePointer(known.baseAddress! + skip * lanes)
                                }
                                unsafe c.partial = partial.baseAddress! + i * 32 * lanes
                                unsafe c.panel = scratch.panels[i]
                                unsafe c.panel_step = scratch.panelSteps[i]
                                if plan.isHalf {
                                    unsafe c.bf16_known = halfKnown.baseAddress! + pairs * lanes
                                    pairs += (map.inputs.count + 1) / 2
                                }
                                if plan.room > 0 {
                                    unsafe c.room = room.baseAddress! + widened
                                    widened += 32 * map.inputs.count
                                }
                                unsafe maps.initializeElement(at: i, to: c)
                            }
                            unsafe scratch.z.withUnsafeMutableBufferPointer { z in
                                unsafe scratch.logDet.withUnsafeMutableBufferPointer { logDet in
                                    unsafe scratch.scratch.withUnsafeMutableBufferPointer { panel in
                                        unsafe withWeights(plan, 0, maps.baseAddress!) {
                                            unsafe body(
                                                maps.baseAddress!, z.baseAddress, logDet.baseAddress,
                                                panel.baseAddress)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            for i in 0..<plan.maps.count {
                unsafe scratch.panels[i] = maps[i].panel
                unsafe scratch.panelSteps[i] = maps[i].panel_step
            }
        }
    }

    /// Fills in the weights of map `i` and following: pointers to the elements of several arrays are good one inside the
    /// other only.
    private func withWeights(
        _ plan: SolvePlan, _ i: Int, _ maps: UnsafeMutablePointer<flow_solve_map>, _ body: () -> Void
    ) {
        if i == plan.maps.count { return body() }
        unsafe plan.maps[i].biases.withUnsafeBufferPointer { biases in
            unsafe plan.maps[i].weights.single.withUnsafeBufferPointer { single in
                unsafe plan.maps[i].weights.half.withUnsafeBufferPointer { half in
                    unsafe plan.maps[i].weights.bf16.withUnsafeBufferPointer { bf16 in
                        let weights = plan.maps[i].weights
                        unsafe maps[i].biases = biases.baseAddress
                        unsafe maps[i].weights = weights.isSingle ? single.baseAddress : nil
                        unsafe maps[i].half_weights = weights.half.isEmpty ? nil : half.baseAddress
                        unsafe maps[i].bf16_weights = plan.isHalf ? bf16.baseAddress : nil
                        unsafe withWeights(plan, i + 1, maps, body)
                    }
                }
            }
        }
    }
}
