import FlowCore
import FlowKernels
import System

/// A ``ConvolutionalNetwork`` as the kernels read it: an interpreter of its description, for a whole image or for one pixel of some
/// images whose earlier pixels are known. One image goes through all layers at a time, so no bit of it depends on the others.
final class PackedConvolutionalNetwork: Sendable {
    /// Packed weights of one layer. A class, so that passing it on counts one reference.
    final class Layer: Sendable {
        let map: PackedConvolution
        let gate: PackedConvolution?
        /// Weights of the context, `[contextDims, channels]`; empty where no context is added.
        let context: [Float]
        /// Biases of the pixels, `[1 + contextDims, height · width, channels]`; empty where no positions are added.
        let positions: [Float]
        /// Offset of the layer's input in an image's history, where the layer reads neighbours; else nil.
        let history: Int?
        /// Number of layers before this one that add a context, where this one does; else nil.
        let bias: Int?

        init(
            map: PackedConvolution, gate: PackedConvolution?, context: [Float], positions: [Float], history: Int?,
            bias: Int?
        ) {
            self.map = map
            self.gate = gate
            self.context = context
            self.positions = positions
            self.history = history
            self.bias = bias
        }
    }

    /// Place at which a pass computes.
    enum Site {
        /// A whole image, whose key is there; the context is that of `row`, or without one that of each pixel.
        case image(row: Int?)
        /// Pixel `place` of the history's window, the image's pixel `index`, of some rows.
        case pixel(place: Int, index: Int, rows: Range<Int>)
    }

    let grid: ImageGrid
    let shape: ConvolutionalShape
    let activation: Activation
    let plan: NetworkPlan
    let layers: [Layer]
    /// Layout of the history: a row of the image, and in its border above the rows that a causal convolution reads.
    let window: ImageGrid
    /// Number of floats of one image's history: what the layers that read neighbours read, in the window.
    let historyStride: Int
    /// Number of layers that add a context.
    let biases: Int
    /// Runs of an image's pixels in a buffer of channels.
    let pixels: PixelRuns
    /// Number of floats from one place for sums to the next, and of every other buffer of hidden values: an image, or a pixel of as
    /// many images as are computed together.
    let place: Int
    /// Whether what layers of odd and of even places read needs a border of zeros.
    let needsBorder: (odd: Bool, even: Bool)

    /// - Parameter pixels: whether single pixels are asked for too, and not whole images alone.
    init(_ network: ConvolutionalNetwork, pixels isAskedForPixels: Bool) {
        let shape = network.shape
        func byContext(_ values: [Float]) -> [Float] {
            values.isEmpty
                ? []
                : (0..<shape.contextDims).flatMap { k in
                    (0..<shape.channels).map { values[$0 * shape.contextDims + k] }
                }
        }
        grid = network.grid
        self.shape = shape
        activation = network.description.activation
        plan = NetworkPlan(network.description)
        let window = ImageGrid(height: 1, width: grid.width, pad: grid.pad)
        var history = 0
        var biases = 0
        let use: PackedConvolution.Use = isAskedForPixels ? .imagesAndPixels(grid) : .images(grid)
        // A start waits for them: most of the time goes to the transforms of filters' weights, and to pages that are new.
        var packed = [(map: PackedConvolution, gate: PackedConvolution?)?](repeating: nil, count: network.layers.count)
        unsafe packed.withUnsafeMutableBufferPointer { packed in
            inParallel(network.layers.count, threads: Processors.count) { index in
                let layer = network.layers[index]
                unsafe packed[index] = (layer.map.packed(for: use), layer.gate?.packed(for: use))
            }
        }
        // every index was visited
        layers = zip(packed.map { $0! }, zip(network.layers, network.description.layers)).map { packed, layer in
            let (layer, wiring) = layer
            defer {
                if wiring.readsNeighbours { history += window.pixels * layer.map.inputs }
                if wiring.addsContext { biases += 1 }
            }
            return Layer(
                map: packed.map, gate: packed.gate, context: byContext(layer.context),
                positions: layer.positions, history: wiring.readsNeighbours ? history : nil,
                bias: wiring.addsContext ? biases : nil)
        }
        self.window = window
        historyStride = history + Convolution.slack
        self.biases = biases
        pixels = PixelRuns(grid, channels: shape.channels)
        place = max(grid.pixels, Self.mostRows) * shape.channels + Convolution.slack
        func reads(_ parity: Int) -> Bool {
            network.description.layers.indices.contains {
                $0 > 0 && $0 % 2 == parity && network.description.layers[$0].readsNeighbours
            }
        }
        needsBorder = (reads(1), reads(0))
    }

    /// Number of channels of the residual stream.
    var channels: Int { shape.channels }
    /// Number of channels of the key.
    var inputs: Int { layers[0].map.inputs }
    /// Number of channels of a buffer of outputs: whole vectors.
    var outputStride: Int { layers[layers.count - 1].map.stride }

    /// Number of multiply-adds of an image by the definition of its layers.
    var multiplyAdds: Int {
        grid.height * grid.width * layers.reduce(0) { $0 + $1.map.multiplyAdds + ($1.gate?.multiplyAdds ?? 0) }
    }
    /// Bytes of the weights in all their forms, beyond one of each number.
    var formBytes: Int { layers.reduce(0) { $0 + $1.map.formBytes + ($1.gate?.formBytes ?? 0) } }
    /// Number of multiply-adds that the products of a whole image take.
    var multiplyAddsDone: Int {
        layers.reduce(0) { $0 + $1.map.multiplyAddsDone(grid) + ($1.gate?.multiplyAddsDone(grid) ?? 0) }
    }

    /// Reserves what whole images need, one at a time, and single pixels of up to `rows` images.
    func reserve(_ buffers: inout ImageBuffers, rows: Int) {
        buffers.key.reserveZeros(grid.pixels * inputs + Convolution.slack)
        buffers.sums.reserveZeros(plan.sums * place)
        buffers.front.reserveZeros(place)
        buffers.back.reserveZeros(place)
        buffers.part.reserveZeros(place)
        buffers.gate.reserveZeros(place)
        buffers.output.reserveZeros(max(grid.pixels, rows) * outputStride)
        buffers.bias.reserveZeros(max(1, rows * biases) * channels)
        for layer in layers { layer.map.filter?.reserve(&buffers.room) }
    }

    /// Number of images whose pixels are computed together, fewer where they are so wide that their history would take more than
    /// 64 MiB: it has to stay near the core.
    var solveRows: Int { max(1, min(Self.mostRows, (1 << 24) / historyStride)) }
    private static let mostRows = 16
}
