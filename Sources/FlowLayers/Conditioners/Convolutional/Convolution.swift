import FlowCore
import FlowKernels

/// A two-dimensional convolution of an image's channels: at every pixel a linear map of the channels of some pixels near it,
/// zero beyond the edge. Images are `[pixels, channels]` on an ``ImageGrid``.
///
/// No image is copied together for it (im2col): the taps of one row of the kernel stand side by side in the image, so that
/// each is an ordinary matrix product over an image row.
package struct Convolution: Sendable {
    /// Taps of one row of the kernel: `count` pixels from `dx` on, `dy` rows further down.
    package struct Taps: Sendable, Equatable {
        var dy: Int
        var dx: Int
        var count: Int
    }

    /// Weights, `[outputs, taps, inputs]`, taps row by row.
    package var weights: [Float]
    /// Biases, `[outputs]`.
    package var biases: [Float]
    /// Number of input channels.
    package let inputs: Int
    /// Number of output channels.
    package let outputs: Int
    /// Pixels that an output reads, one entry for each row of the kernel.
    package let taps: [Taps]

    /// A convolution with weights and biases uniform on `±1/√fan-in`, or zero without `random`.
    init(inputs: Int, outputs: Int, taps: [Taps], random stream: inout RandomStream?) {
        precondition(inputs > 0 && outputs > 0 && !taps.isEmpty && taps.allSatisfy { $0.count > 0 })
        self.inputs = inputs
        self.outputs = outputs
        self.taps = taps
        let depth = Self.depth(taps, inputs: inputs)
        weights = Array(repeating: 0, count: outputs * depth)
        biases = Array(repeating: 0, count: outputs)
        guard stream != nil else { return }
        let bound = 1 / Float(depth).squareRoot()
        for i in weights.indices { weights[i] = (2 * stream!.uniform() - 1) * bound }
        for i in biases.indices { biases[i] = (2 * stream!.uniform() - 1) * bound }
    }

    /// Makes the taps of a square of `side` pixels, odd, around the pixel.
    static func square(_ side: Int) -> [Taps] {
        let reach = side / 2
        return (-reach...reach).map { Taps(dy: $0, dx: -reach, count: side) }
    }

    /// Makes the taps that come before the pixel, row by row, in a square of `side` pixels, odd, around it; with the pixel itself
    /// for mask B, without it for mask A.
    ///
    /// Source: van den Oord et al., *Pixel Recurrent Neural Networks* (2016), §3.4, arXiv:1601.06759: masks A and B.
    static func causal(_ side: Int, withCentre: Bool) -> [Taps] {
        let reach = side / 2
        let above = (-reach..<0).map { Taps(dy: $0, dx: -reach, count: side) }
        let count = reach + (withCentre ? 1 : 0)
        return above + (count > 0 ? [Taps(dy: 0, dx: -reach, count: count)] : [])
    }

    /// Returns how many numbers one output reads.
    static func depth(_ taps: [Taps], inputs: Int) -> Int { taps.reduce(0) { $0 + $1.count } * inputs }

    /// Count of the numbers that one output reads.
    var depth: Int { Self.depth(taps, inputs: inputs) }

    /// Returns the number of channels of an output buffer: whole vectors.
    static func stride(_ outputs: Int) -> Int { (outputs + 15) / 16 * 16 }
    /// Number of channels of an output buffer: whole vectors.
    var outputStride: Int { Self.stride(outputs) }

    /// Describes both arrays, `[outputs, depth]` and `[outputs]`.
    func infos(_ name: String) -> (weights: ParameterInfo, biases: ParameterInfo) {
        (
            ParameterInfo(name: "\(name).weights", shape: [outputs, depth]),
            ParameterInfo(name: "\(name).biases", shape: [outputs])
        )
    }

    mutating func visitParameters(
        _ name: String, _ body: (ParameterInfo, inout [Float]) throws -> Void
    ) rethrows {
        let infos = infos(name)
        try body(infos.weights, &weights)
        try body(infos.biases, &biases)
    }

    /// Visits the gradients of weights and biases.
    func visitGradients(_ name: String, of traces: [Trace], _ body: (ParameterGradient) -> Void) {
        let infos = infos(name)
        body(
            ParameterGradient(info: infos.weights) { units, gradient in
                weightGradient(units: units, of: traces, into: &gradient)
            })
        body(
            ParameterGradient(info: infos.biases) { units, gradient in
                biasGradient(units: units, of: traces, into: &gradient)
            })
    }

    /// Returns the rows and the columns that taps reach, from the output's pixel.
    static func extent(_ taps: [Taps]) -> (rows: Range<Int>, columns: Range<Int>) {
        var rows = taps[0].dy..<taps[0].dy + 1
        var columns = taps[0].dx..<taps[0].dx + taps[0].count
        for tap in taps {
            rows = min(rows.lowerBound, tap.dy)..<max(rows.upperBound, tap.dy + 1)
            columns = min(columns.lowerBound, tap.dx)..<max(columns.upperBound, tap.dx + tap.count)
        }
        return (rows, columns)
    }

    /// Returns the factors of all taps, one after another, at the points of a filter: `[taps][points]`.
    static func weightFactors(_ taps: [Taps], _ filter: TileFilter) -> [Float] {
        let (rows, columns) = extent(taps)
        return taps.flatMap { tap in
            (tap.dx..<tap.dx + tap.count).flatMap {
                filter.weightFactors(row: tap.dy - rows.lowerBound, column: $0 - columns.lowerBound)
            }
        }
    }

    /// Packs the weights as the kernels read them.
    func packed(for use: PackedConvolution.Use) -> PackedConvolution {
        PackedConvolution(
            outputs: outputs, panels: ConvolutionPanels(self), taps: taps, biases: biases, for: use)
    }

    /// Packs the transposed convolution, which pulls `∂L/∂y` of whole images back to `∂L/∂x`: taps are mirrored, inputs and outputs
    /// exchanged.
    func transposed(on grid: ImageGrid) -> PackedConvolution {
        let mirrored = taps.reversed().map { Taps(dy: -$0.dy, dx: -($0.dx + $0.count - 1), count: $0.count) }
        return PackedConvolution(
            outputs: inputs, panels: ConvolutionPanels(transposing: self), taps: mirrored, biases: [],
            for: .images(grid))
    }

    /// Trace of both passes over some images of a batch, of which the gradients are made.
    struct Trace: Sendable {
        let grid: ImageGrid
        let images: Int
        /// Input of the convolution, `[images, pixels, inputs]`, and ``slack`` floats more.
        let x: [Float]
        /// Cotangent of the output, `∂L/∂y`, `[images, pixels, outputStride]`, zero on the border.
        let dy: [Float]
        /// Cotangent summed over the pixels of each image, `[images, outputStride]`.
        let sums: [Float]

        init(grid: ImageGrid, images: Int, x: [Float], dy: [Float], stride: Int) {
            self.grid = grid
            self.images = images
            self.x = x
            self.dy = dy
            var sums = [Float](repeating: 0, count: images * stride)
            for image in 0..<images {
                // a product with ones; the border adds zeros
                Kernels.best.product(
                    dy, Operand(offset: (image * grid.pixels + grid.origin) * stride, step: stride), [1],
                    Operand(step: 0), lanes: stride, count: 1, depth: grid.span, c: &sums,
                    Operand(offset: image * stride, step: stride))
            }
            self.sums = sums
        }
    }

    /// Number of floats that a buffer of inputs must have beyond its images: gradients are computed in whole vectors of inputs.
    static let slack = 16
}
