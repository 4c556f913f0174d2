import FlowKernels

/// Numbers that stand side by side in a buffer: the rows of an image without its border, or one pixel of some images. What is
/// between them is left as it is.
struct PixelRuns: Sendable {
    /// Where the first run begins, how many there are, how long each is, and how far apart they begin.
    let first: Int
    let count: Int
    let length: Int
    let stride: Int

    /// The pixels of an image.
    init(_ grid: ImageGrid, channels: Int) {
        first = grid.origin * channels
        count = grid.height
        length = grid.width * channels
        stride = grid.pitch * channels
    }

    /// One pixel of `rows` images, one behind the other.
    init(rows: Int, channels: Int) {
        first = 0
        count = 1
        length = rows * channels
        stride = length
    }

    /// `y = f(x)`, from offsets on.
    func activate(_ f: Activation, _ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.activate(f, from: x, xOffset + at, to: &y, yOffset + at, count: length)
        }
    }

    /// `x = f(x)`.
    func activateInPlace(_ f: Activation, _ x: inout [Float]) {
        Kernels.best.activate(f, x: &x, offset: first, rows: count, columns: length, stride: stride)
    }

    /// `y = x`.
    func copy(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        let values = x.span
        var span = y.mutableSpan
        for i in 0..<count {
            let at = first + i * stride
            for j in at..<at + length { span[yOffset + j] = values[xOffset + j] }
        }
    }

    /// `x = 0`.
    func clear(_ x: inout [Float], _ offset: Int) {
        var span = x.mutableSpan
        for i in 0..<count {
            let at = offset + first + i * stride
            for j in at..<at + length { span[j] = 0 }
        }
    }

    /// `y = y + x`.
    func add(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.add(x, xOffset + at, to: &y, yOffset + at, count: length)
        }
    }

    /// `g = sigmoid(g)` and `y = y + v · g`; `v` and `g` share an offset.
    func gate(_ v: [Float], _ g: inout [Float], _ offset: Int, to y: inout [Float], _ yOffset: Int) {
        for i in 0..<count {
            let at = first + i * stride
            Kernels.best.gate(v, &g, offset + at, to: &y, yOffset + at, count: length)
        }
    }
}
