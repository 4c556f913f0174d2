import FlowKernels

/// A ``Convolution`` as the kernels read it: for single pixels in panels of 32 outputs, `[depth, lanes]` each; for whole images in
/// that form, or as a minimal filter where that costs less. A class, so that passing it on counts one reference.
final class PackedConvolution: Sendable {
    /// What a convolution is asked for, which decides the forms in which its weights are kept.
    enum Use: Sendable {
        /// Outputs of whole images on a grid.
        case images(ImageGrid)
        /// Outputs of whole images, and of single pixels.
        case imagesAndPixels(ImageGrid)

        var grid: ImageGrid {
            switch self {
            case .images(let grid), .imagesAndPixels(let grid): grid
            }
        }
    }

    let inputs: Int
    /// Number of channels of an output buffer: whole vectors.
    let stride: Int
    let taps: [Convolution.Taps]
    /// Biases of the outputs, `[stride]`.
    let biases: [Float]
    /// Multiply-adds of a pixel by the convolution's definition.
    let multiplyAdds: Int
    /// Weights in panels; nil where they are asked for in the form of ``filter`` alone.
    private let panels: ConvolutionPanels?
    /// Minimal filter for whole images; nil where the panels cost less.
    let filter: FilteredConvolution?
    /// Bytes of the weights in all their forms, beyond one of each number.
    let formBytes: Int

    init(outputs: Int, panels: ConvolutionPanels, taps: [Convolution.Taps], biases: [Float], for use: Use) {
        inputs = panels.inputs
        stride = panels.stride
        self.taps = taps
        self.biases = biases + Array(repeating: 0, count: stride - biases.count)
        multiplyAdds = panels.depth * outputs
        filter = FilteredConvolution(panels, taps: taps, on: use.grid)
        switch use {
        case .images: self.panels = filter == nil ? panels : nil
        case .imagesAndPixels: self.panels = panels
        }
        let kept = (self.panels?.weights.count ?? 0) + (filter?.weightCount ?? 0)
        formBytes = max(0, kept - panels.weights.count) * MemoryLayout<Float>.size
    }

    /// Returns the number of multiply-adds that the products of an image take, those that only fill up a tile included.
    func multiplyAddsDone(_ grid: ImageGrid) -> Int {
        filter?.multiplyAdds ?? grid.height * grid.width * multiplyAdds
    }

    /// Convolves the whole image `x` from `xOffset` on to `y` from `yOffset` on, whose border is left as it is.
    /// - Parameter room: memory for the values of a filter's tiles, which is reserved here where it is too small.
    func apply(
        _ grid: ImageGrid, _ x: [Float], _ xOffset: Int, bias: [Float], to y: inout [Float], _ yOffset: Int,
        _ room: inout FilterRoom
    ) {
        if let filter { return filter.apply(x, xOffset, bias: bias, to: &y, yOffset, &room) }
        for row in 0..<grid.height {
            let pixel = grid.origin + row * grid.pitch
            apply(
                grid, at: pixel, count: grid.width, x, Operand(offset: xOffset, step: 1, stride: inputs), bias: bias,
                to: &y, Operand(offset: yOffset + pixel * stride, step: stride))
        }
    }

    /// Computes `count` outputs: those of the pixels from `pixel` on where `x` moves by a pixel, of one pixel of many images where
    /// it moves by an image. Without `bias` they are added to what is there.
    /// - Precondition: the weights were packed for pixels.
    func apply(
        _ grid: ImageGrid, at pixel: Int, count: Int, _ x: [Float], _ px: Operand, bias: [Float]?,
        to y: inout [Float], _ py: Operand
    ) {
        guard let panels else { preconditionFailure("packed for whole images alone") }
        // by index: an iterator allocates where generic code is not specialised, as in debug builds
        for p in 0..<panels.all.count {
            let panel = panels.all[p]
            var offset = panel.offset
            for t in taps.indices {
                let depth = taps[t].count * inputs
                let from = px.offset + (pixel + taps[t].dy * grid.pitch + taps[t].dx) * inputs
                Kernels.best.product(
                    panels.weights, Operand(offset: offset, step: panel.lanes), x,
                    Operand(offset: from, step: 1, stride: px.stride), lanes: panel.lanes, count: count,
                    depth: depth, bias: t == 0 ? bias : nil, biasOffset: panel.first,
                    start: t == 0 && bias != nil ? .zero : .accumulate, c: &y,
                    Operand(offset: py.offset + panel.first, step: py.stepStride))
                offset += depth * panel.lanes
            }
        }
    }
}
