/// Rows that the sequential direction carries through a network side by side: one SIMD lane a row.
package let tileRows = 16

/// `bias + Σₖ w[k] · h[k]` of one unit for a tile of rows, over the first `count` inputs.
///
/// Products are rounded before they are added, on every CPU alike.
/// - Complexity: `16 · count` multiply-adds; no allocation.
package func dotTile(
    weights: Span<Float>, offset: Int, count: Int, bias: Float, inputs: Span<SIMD16<Float>>
) -> SIMD16<Float> {
    precondition(offset >= 0 && count >= 0 && offset + count <= weights.count && count <= inputs.count)
    var sum = SIMD16<Float>(repeating: bias)
    for k in 0..<count {
        sum += inputs[k] * weights[offset + k]
    }
    return sum
}
