import FlowKernels

/// Runs of numbers that stand side by side in a buffer: the rows of an image without its border, or one pixel of some images. What
/// is between them is left as it is.
struct PixelRuns: Sendable {
    /// Index of the first run's first number.
    let first: Int
    /// Number of runs.
    let count: Int
    /// Numbers in a run.
    let length: Int
    /// Numbers from the beginning of one run to that of the next.
    let stride: Int

    /// Runs of the rows of an image.
    init(_ grid: ImageGrid, channels: Int) {
        first = grid.origin * channels
        count = grid.height
        length = grid.width * channels
        stride = grid.pitch * channels
    }

    /// One run of one pixel of `rows` images, one behind the other.
    init(rows: Int, channels: Int) {
        first = 0
        count = 1
        length = rows * channels
        stride = length
    }

    /// Applies an activation, `y = f(x)`, from each offset on.
    func activate(_ f: Activation, _ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.activate(f, from: x, xOffset + at, to: &y, yOffset + at, count: length)
        }
    }

    /// Applies an activation in place, `x = f(x)`.
    func activateInPlace(_ f: Activation, _ x: inout [Float]) {
        Kernels.best.activate(f, x: &x, offset: first, rows: count, columns: length, stride: stride)
    }

    /// Copies, `y = x`, from each offset on.
    func copy(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        let values = x.span
        var span = y.mutableSpan
        for i in 0..<count {
            let at = first + i * stride
            for j in at..<at + length { span[yOffset + j] = values[xOffset + j] }
        }
    }

    /// Sets to zero, `x = 0`, from an offset on.
    func clear(_ x: inout [Float], _ offset: Int) {
        var span = x.mutableSpan
        for i in 0..<count {
            let at = offset + first + i * stride
            for j in at..<at + length { span[j] = 0 }
        }
    }

    /// Adds, `y = y + x`, from each offset on.
    func add(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.add(x, xOffset + at, to: &y, yOffset + at, count: length)
        }
    }

    /// Adds a gated value: `g = sigmoid(g)`, then `y = y + v · g`; `v` and `g` have one offset.
    func gate(_ v: [Float], _ g: inout [Float], _ offset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.gate(v, &g, offset + at, to: &y, yOffset + at, count: length)
        }
    }
}
