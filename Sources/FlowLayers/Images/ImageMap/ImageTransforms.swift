import FlowCore
import FlowKernels

/// Places of the key and of the transformed dimensions in an image, and the copies between an event and the buffers of a
/// convolutional network.
///
/// Transformed dimensions are copied out channel by channel, `[channels, lanes]`, with a lane for each pixel, as
/// ``Kernels/columns(_:inverse:x:parameters:rows:z:logDet:)`` wants them.
struct ImageTransforms: Sendable {
    let layout: ImageLayout
    let mask: ImageMask
    let transform: UnivariateTransform
    /// Channels of the key.
    let keyChannels: Range<Int>
    /// Channels that are transformed.
    let channels: Range<Int>
    /// Number of pixels, rounded up to whole vectors.
    let lanes: Int
    /// Parameters of a pixel beside the transforms', behind them.
    let moreOutputs: Int

    init(layout: ImageLayout, mask: ImageMask, transform: UnivariateTransform, moreOutputs: Int = 0) {
        self.moreOutputs = moreOutputs
        self.layout = layout
        self.mask = mask
        self.transform = transform
        let all = 0..<layout.channels
        switch mask {
        case .channels(let keyIsFirst):
            let halves = (0..<layout.channels / 2, layout.channels / 2..<layout.channels)
            (keyChannels, channels) = keyIsFirst ? (halves.0, halves.1) : (halves.1, halves.0)
        case .causal: (keyChannels, channels) = (all, all)
        }
        lanes = (layout.pixels + 15) / 16 * 16
    }

    var isCausal: Bool { if case .causal = mask { true } else { false } }

    /// Returns the event's pixel that stands at `index` of the network's images: a reversed causal map sees its image turned round.
    @inline(__always)
    func pixel(at index: Int) -> Int { mask == .causal(reversed: true) ? layout.pixels - 1 - index : index }

    /// Number of parameters of the transforms of a pixel.
    var transformOutputs: Int { channels.count * transform.parameterCount }
    /// Number of all parameters of a pixel.
    var outputs: Int { transformOutputs + moreOutputs }

    /// Puts the key of the event at `rowOffset` into the image at `keyOffset`, whose border is left as it is.
    func setKey(_ grid: ImageGrid, _ row: [Float], _ rowOffset: Int, _ key: inout [Float], _ keyOffset: Int) {
        let values = row.span
        var span = key.mutableSpan
        let count = keyChannels.count
        for index in 0..<layout.pixels {
            let pixel = pixel(at: index)
            let from = rowOffset + pixel * layout.channels + keyChannels.lowerBound
            let to = keyOffset + grid.place(of: index) * count
            for c in 0..<count { span[to + c] = values[from + c] }
        }
    }

    /// Adds `∂L/∂key`, images of `stride` channels, to the gradient of the event.
    func addKeyGradient(
        _ grid: ImageGrid, _ dKey: [Float], _ keyOffset: Int, _ stride: Int, _ dRow: inout [Float], _ rowOffset: Int
    ) {
        let values = dKey.span
        var span = dRow.mutableSpan
        for index in 0..<layout.pixels {
            let pixel = pixel(at: index)
            let to = rowOffset + pixel * layout.channels + keyChannels.lowerBound
            let from = keyOffset + grid.place(of: index) * stride
            for c in 0..<keyChannels.count { span[to + c] += values[from + c] }
        }
    }

    /// Copies the transformed dimensions of the event at `rowOffset` to lanes, `[channels, lanes]`, zero in lanes without a pixel.
    func gather(_ row: [Float], _ rowOffset: Int, to lanes: inout [Float], _ offset: Int = 0) {
        let values = row.span
        var span = lanes.mutableSpan
        for c in 0..<channels.count {
            let first = offset + c * self.lanes
            for l in 0..<layout.pixels {
                span[first + l] = values[rowOffset + pixel(at: l) * layout.channels + channels.lowerBound + c]
            }
            for l in layout.pixels..<self.lanes { span[first + l] = 0 }
        }
    }

    /// Copies lanes, `[channels, lanes]`, to the places of the transformed dimensions in the event at `rowOffset`.
    func scatter(_ lanes: [Float], _ offset: Int = 0, to row: inout [Float], _ rowOffset: Int) {
        let values = lanes.span
        var span = row.mutableSpan
        for c in 0..<channels.count {
            let first = offset + c * self.lanes
            for l in 0..<layout.pixels {
                span[rowOffset + pixel(at: l) * layout.channels + channels.lowerBound + c] = values[first + l]
            }
        }
    }

    /// Copies the parameters of all lanes, `[channels, parameters, lanes]` and those beside them, from a network's image of `stride` channels; zero in
    /// lanes without a pixel.
    func gatherParameters(
        _ grid: ImageGrid, _ output: [Float], _ outputOffset: Int, _ stride: Int, to parameters: inout [Float],
        _ offset: Int = 0
    ) {
        let values = output.span
        var span = parameters.mutableSpan
        let count = outputs
        for l in 0..<lanes {
            if l < layout.pixels {
                let from = outputOffset + grid.place(of: l) * stride
                for u in 0..<count { span[offset + u * lanes + l] = values[from + u] }
            } else {
                for u in 0..<count { span[offset + u * lanes + l] = 0 }
            }
        }
    }

    /// Copies the parameters of all lanes, `[channels, parameters, lanes]` and those beside them, to a network's image of `stride` channels, whose border
    /// is left as it is.
    func scatterParameters(
        _ grid: ImageGrid, _ parameters: [Float], _ offset: Int, to output: inout [Float], _ outputOffset: Int,
        _ stride: Int
    ) {
        let values = parameters.span
        var span = output.mutableSpan
        let count = outputs
        for l in 0..<layout.pixels {
            let to = outputOffset + grid.place(of: l) * stride
            for u in 0..<count { span[to + u] = values[offset + u * lanes + l] }
        }
    }
}
