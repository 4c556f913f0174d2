import CFlowKernels

/// Number of lanes in a panel of weights.
private let panelLanes = 32

/// Returns the number of elements in a bfloat16 panel of `steps` steps: whole pairs of steps.
package func halfPanelCount(steps: Int) -> Int { (steps + 1) / 2 * 2 * panelLanes }

/// Kernels in bfloat16, the upper 16 bits of a float: 8 bits of significand.
///
/// Weights stand in panels of 32 lanes with their steps in pairs, `[pairs][32][2]`; what they are multiplied with in rows,
/// its steps side by side. An odd last step has a zero beside it in both.
extension Kernels {
    /// Computes `C[j, l] = start + bias[l] + Σₜ A[t, l] · B[j, t]` for 32 lanes × `count` rows, `steps` products each.
    ///
    /// Sums are in single precision, each one chain over rising pairs of steps, so that its bits do not depend on `count`.
    /// Instruction sets differ in the last bits of a pair, and below the smallest normal number.
    /// Its plain twin is ``Reference/productBF16(_:_:_:_:count:steps:bias:biasOffset:start:c:_:)``.
    /// - Parameters:
    ///   - pa: where the panel begins.
    ///   - pb: rows `pb.stride` apart, their steps side by side.
    /// - Complexity: `32 · count · steps` multiply-adds; no allocation.
    package func productBF16(
        _ a: [UInt16], _ pa: Int, _ b: [UInt16], _ pb: Operand, count: Int, steps: Int, bias: [Float],
        biasOffset: Int, start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        let pairs = (steps + 1) / 2
        precondition(count > 0 && steps >= 0 && pb.stepStride == 1 && pc.stride == 1)
        precondition(pa >= 0 && pa + halfPanelCount(steps: steps) <= a.count)
        precondition(steps == 0 || pb.fits(b.count, steps: 2 * pairs, count: count))
        precondition(pc.fits(c.count, steps: count, count: panelLanes) && (count == 1 || pc.stepStride >= panelLanes))
        precondition(biasOffset >= 0 && biasOffset + panelLanes <= bias.count)
        unsafe a.withUnsafeBufferPointer { a in
            unsafe b.withUnsafeBufferPointer { b in
                unsafe bias.withUnsafeBufferPointer { bias in
                    unsafe c.withUnsafeMutableBufferPointer { c in
                        // In bounds by the preconditions above.
                        var p = unsafe flow_product_bf16()
                        unsafe p.a = steps == 0 ? nil : a.baseAddress! + pa
                        unsafe p.b = steps == 0 ? nil : b.baseAddress! + pb.offset
                        unsafe p.b_step = 2
                        unsafe p.b_stride = pb.stride
                        unsafe p.c = c.baseAddress! + pc.offset
                        unsafe p.c_stride = pc.stepStride
                        unsafe p.count = count
                        unsafe p.pairs = pairs
                        unsafe p.bias = bias.baseAddress! + biasOffset
                        unsafe p.accumulate = start == .accumulate ? 1 : 0
                        unsafe table.pointee.product_bf16(&p)
                    }
                }
            }
        }
    }

    /// Rounds `columns` numbers in each of `rows` rows to the nearest bfloat16, halves to even, NaN to NaN.
    /// - Parameters:
    ///   - px: element `(column, row)`; any strides.
    ///   - py: rows `py.stride` apart.
    ///   - zero: whether a zero follows each row.
    package func roundBF16(
        _ x: [Float], _ px: Operand, to y: inout [UInt16], _ py: Operand, rows: Int, columns: Int, zero: Bool = false
    ) {
        precondition(rows > 0 && columns > 0 && py.stepStride == 1)
        precondition(px.fits(x.count, steps: columns, count: rows))
        precondition(py.fits(y.count, steps: columns + (zero ? 1 : 0), count: rows))
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.round_bf16(
                    x.baseAddress! + px.offset, px.stride, px.stepStride, y.baseAddress! + py.offset, py.stride, rows,
                    columns, zero ? 1 : 0)
            }
        }
    }

    /// Widens a panel of weights from bfloat16, `[pairs][32][2]` from `offset`, to floats, `[steps][32]` from `yOffset`.
    package func widenBF16(_ a: [UInt16], _ offset: Int, steps: Int, to y: inout [Float], _ yOffset: Int) {
        precondition(steps >= 0 && offset >= 0 && yOffset >= 0)
        precondition(offset + halfPanelCount(steps: steps) <= a.count && yOffset + steps * panelLanes <= y.count)
        if steps == 0 { return }
        unsafe a.withUnsafeBufferPointer { a in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.widen_bf16(a.baseAddress! + offset, y.baseAddress! + yOffset, steps)
            }
        }
    }
}
