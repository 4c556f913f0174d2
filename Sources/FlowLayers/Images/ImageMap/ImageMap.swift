public import FlowCore
public import FlowKernels

/// A map of images that sends some dimensions through a transform each, whose parameters a residual convolutional network
/// makes of others, the key: a coupling of channels, or an autoregressive map row by row.
///
///     logDet[r] = Σ log ∂z/∂x of the transformed dimensions
///
/// Both directions of a coupling are parallel. Those of a causal map are one pass of a masked convolutional network each: in the
/// sequential direction a pixel's activations are computed when the pixel becomes known, and kept for those to come, so
/// that every multiply-add is done once (in a library: a pass of the whole network for every pixel).
///
/// Source: masks of Dinh et al., *Density estimation using Real NVP* (2017), §3.4, arXiv:1605.08803, and of van den Oord et
/// al., *Pixel Recurrent Neural Networks* (2016), §3.4, arXiv:1601.06759; what is computed once as Ramachandran et al., *Fast
/// Generation for Convolutional Autoregressive Models* (2017), arXiv:1704.06001.
public struct ImageMap: Bijection {
    public let dims: Int
    let transforms: ImageTransforms
    /// Prediction of what the transforms are given the rest of; nil for none.
    var prediction: LinearPrediction?
    /// Conditioner that makes the transforms' parameters of the key.
    package var network: ConvolutionalNetwork
    /// Beliefs that take the place of a context that is all zeros; nil where a context has to be given.
    var belief: ContextBelief?

    /// Transform of each transformed dimension.
    public var transform: UnivariateTransform { transforms.transform }
    public var contextDims: Int { network.shape.contextDims }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { transforms.isCausal ? .sequential : .parallel }
    public var partRows: Int { 1 }
    public var convolvedActivations: Int { network.activations + (belief?.network.activations ?? 0) }

    /// A map that starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Parameters:
    ///   - dims: width of the event, whose first dimensions are the image.
    ///   - predictor: side of the square that a ``LinearPrediction`` reads, pixels, odd; 0 for no prediction.
    ///   - belief: channels of each residual block of the network of a ``ContextBelief``, all equal; empty for none.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that are not allowed.
    package init(
        dims: Int, layout: ImageLayout, mask: ImageMask, shape: ConvolutionalShape, predictor: Int = 0,
        belief: [Int] = [], transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        precondition(layout.dims <= dims)
        try shape.check()
        try checkSizes(transform)
        try Self.check(layout, mask, shape)
        self.dims = dims
        if predictor > 0 {
            guard case .causal(reversed: false) = mask, predictor >= 3, predictor % 2 == 1 else {
                throw FlowError.outOfRange(
                    argument: "predictor", value: "\(predictor)",
                    allowed: "odd numbers from 3 on where a pixel is given those before it, and 0")
            }
            prediction = LinearPrediction(layout: layout, side: predictor)
        }
        transforms = Self.transforms(layout, mask, transform, predictor: predictor)
        network = ConvolutionalNetwork(
            height: layout.height, width: layout.width, inputs: transforms.keyChannels.count,
            outputs: transforms.outputs, isCausal: transforms.isCausal, shape: shape, random: &random)
        guard !belief.isEmpty else { return }
        guard transforms.isCausal, shape.contextDims > 0 else {
            throw FlowError.outOfRange(
                argument: "belief", value: "\(belief)",
                allowed: "none without classes, or where pixels do not wait for others")
        }
        let own = try Self.beliefShape(belief, of: shape)
        try Self.check(layout, mask, own)
        self.belief = ContextBelief(own, of: network, random: &random)
    }

    private static func transforms(
        _ layout: ImageLayout, _ mask: ImageMask, _ transform: UnivariateTransform, predictor: Int
    ) -> ImageTransforms {
        ImageTransforms(
            layout: layout, mask: mask, transform: transform,
            moreOutputs: predictor > 0 ? LinearPrediction.outputs(channels: layout.channels) : 0)
    }

    /// Number of channels of the image that the map predicts; nil where it does not.
    package var predictedChannels: Int? { prediction?.layout.channels }

    /// Fits the map's prediction to data, where it has one; a map without stays as it is.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    package mutating func initialize(from x: Matrix) throws {
        try checkWidth(of: x, "x")
        prediction?.fit(to: x)
    }

    /// Shape of the network of a belief with a residual block for each number of channels.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    private static func beliefShape(_ channels: [Int], of shape: ConvolutionalShape) throws -> ConvolutionalShape {
        guard channels.allSatisfy({ $0 == channels[0] && $0 > 0 && $0 % 16 == 0 }) else {
            throw FlowError.outOfRange(
                argument: "belief", value: "\(channels)",
                allowed: "equal multiples of 16, channels of each residual block")
        }
        return ContextBelief.shape(channels[0], blocks: channels.count, of: shape)
    }

    /// Adds residual blocks to the network behind those that it has; the map stays the same until they are trained.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` where that makes too many activations.
    package mutating func appendBlocks(_ count: Int, random: inout RandomStream?) throws {
        precondition(count >= 0)
        var shape = network.shape
        shape.blocks += count
        try Self.check(transforms.layout, transforms.mask, shape)
        network.appendBlocks(count, random: &random)
    }

    /// Sets the fraction of the activations inside of its network's blocks that taped passes leave out; other passes keep all.
    package mutating func setDropout(_ fraction: Float) {
        precondition(fraction >= 0 && fraction < 1)
        network.dropout = fraction
        belief?.network.dropout = fraction
    }

    /// Largest number of activations of one image.
    private static let mostActivations = 1 << 26

    /// Refuses an image or a network of which no map is made.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    private static func check(_ layout: ImageLayout, _ mask: ImageMask, _ shape: ConvolutionalShape) throws {
        func refuse(_ argument: String, _ value: Int, _ allowed: String) -> FlowError {
            .outOfRange(argument: argument, value: "\(value)", allowed: allowed)
        }
        // a sequential direction keeps all of them for each image
        let (activations, overflow) = layout.pixels.multipliedReportingOverflow(by: shape.channels * shape.blocks)
        guard !overflow, activations <= mostActivations else {
            throw refuse(
                "pixels of an image times channels and blocks", activations, "at most \(mostActivations)")
        }
        switch mask {
        case .channels where layout.channels < 2:
            throw refuse("channels of an image", layout.channels, "2 or more")
        case .causal where shape.kernel < 3:
            throw refuse("kernel", shape.kernel, "3 or more where pixels are conditioned on those before them")
        default: break
        }
    }

    /// Computes the number of parameters of a map with these sizes; nil where it overflows, or a size of the transform is not
    /// allowed.
    static func parameterCount(
        layout: ImageLayout, mask: ImageMask, shape: ConvolutionalShape, predictor: Int = 0, belief: [Int] = [],
        transform: UnivariateTransform
    ) -> Int? {
        guard transform.parameterCount > 0 else { return nil }
        let transforms = transforms(layout, mask, transform, predictor: predictor)
        func count(_ shape: ConvolutionalShape, outputs: Int) -> Int? {
            ConvolutionalNetwork.parameterCount(
                height: layout.height, width: layout.width, inputs: transforms.keyChannels.count, outputs: outputs,
                isCausal: transforms.isCausal, shape: shape)
        }
        guard var own = count(shape, outputs: transforms.outputs) else { return nil }
        if predictor > 0 {
            let (sum, overflow) = own.addingReportingOverflow(
                LinearPrediction.parameterCount(channels: layout.channels, side: predictor))
            if overflow { return nil }
            own = sum
        }
        guard let channels = belief.first else { return own }
        let scores = ContextBelief.shape(channels, blocks: belief.count, of: shape)
        guard let more = count(scores, outputs: shape.contextDims) else { return nil }
        let (sum, overflow) = own.addingReportingOverflow(more)
        return overflow ? nil : sum
    }

    /// Packs the weights in single precision, whatever `precision` is: convolutions have no other.
    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedImageMap(
            dims: dims, transforms: transforms, prediction: prediction,
            network: PackedConvolutionalNetwork(network, pixels: transforms.isCausal),
            belief: belief.map { PackedContextBelief($0, dims: contextDims) })
    }

    /// Tape of a forward pass; after the backward pass, that of the network alone.
    public struct Tape: Sendable {
        var network: ConvolutionalNetwork.Tape
        /// What the transforms were given, `[images, channels, lanes]`.
        var x: [Float]
        /// Transformed dimensions before a prediction, `[images, channels, lanes]`; empty without one.
        var predicted: [Float] = []
        /// Parameters of the transformed dimensions, `[images, channels, parameters, lanes]`, those of a prediction behind each image's.
        var parameters: [Float]
        /// What the map's belief learns of the contexts; nil without one.
        var belief: ContextBelief.Tape?
    }

    /// Refuses a context that is all zeros where a belief would take its place: taped passes tell it what to believe.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    private func checkIsGiven(_ context: Matrix?) throws {
        guard belief != nil, let context else { return }
        for r in 0..<context.rows where (0..<context.columns).allSatisfy({ context[r, $0] == 0 }) {
            throw FlowError.outOfRange(argument: "context", value: "zeros", allowed: "one that is given, in training")
        }
    }

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: x, "x")
        try checkContext(context, rows: x.rows)
        try checkIsGiven(context)
        let grid = network.grid
        var key = network.buffer(x.rows, channels: network.inputs)
        for r in 0..<x.rows {
            transforms.setKey(grid, x.elements, r * dims, &key, r * grid.pixels * network.inputs)
        }
        let (output, tape) = network.forwardTaped(key, images: x.rows, context: context)
        let learned = belief.flatMap { belief in context.map { belief.forwardTaped(key, context: $0) } }
        let stride = network.outputStride
        let moved = transforms.channels.count * transforms.lanes
        let (given, own) = (transforms.outputs * transforms.lanes, transforms.transformOutputs * transforms.lanes)
        var room = ScaleRoom(lanes: transforms.lanes)
        var all = [Float](repeating: 0, count: x.rows * moved)
        var parameters = [Float](repeating: 0, count: x.rows * given)
        var z = x
        var lanes = [Float](repeating: 0, count: moved)
        var logDets = [Float](repeating: 0, count: transforms.lanes)
        var logDet = [Float](repeating: 0, count: x.rows)
        var predicted: [Float] = []
        if prediction != nil {
            predicted = all
            for r in 0..<x.rows { transforms.gather(x.elements, r * dims, to: &predicted, r * moved) }
        }
        for r in 0..<x.rows {
            transforms.gatherParameters(grid, output, r * grid.pixels * stride, stride, to: &parameters, r * given)
            for l in logDets.indices { logDets[l] = 0 }
            if let prediction {
                prediction.forward(
                    predicted, r * moved, parameters, r * given + own, lanes: transforms.lanes, to: &all,
                    room: &room, logDet: &logDets)
            } else {
                transforms.gather(x.elements, r * dims, to: &all, r * moved)
            }
            var laneSpan = lanes.mutableSpan
            var logDetSpan = logDets.mutableSpan
            Kernels.best.columns(
                transform, inverse: false, x: all.span.extracting(r * moved..<(r + 1) * moved),
                parameters: parameters.span.extracting(r * given..<r * given + own), rows: transforms.lanes,
                z: &laneSpan, logDet: &logDetSpan)
            transforms.scatter(lanes, to: &z.elements, r * dims)
            logDet[r] = sum(logDets, transforms.layout.pixels)
        }
        return (
            z, logDet,
            Tape(network: tape, x: all, predicted: predicted, parameters: parameters, belief: learned)
        )
    }

    public func tapeBytes(rows: Int) -> Int {
        let arrays = prediction == nil ? 1 : 2
        let before = 4 * rows * transforms.lanes * (arrays * transforms.channels.count + transforms.outputs)
        let own = network.tapeBytes(images: rows, before: before)
        guard let belief else { return own }
        return own + belief.network.tapeBytes(images: rows, before: 4 * rows * belief.gradientSize)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        let grid = network.grid
        let rows = cotangent.dz.rows
        let stride = network.outputStride
        let moved = transforms.channels.count * transforms.lanes
        let (given, own) = (transforms.outputs * transforms.lanes, transforms.transformOutputs * transforms.lanes)
        var dx = cotangent.dz
        var dOutput = network.buffer(rows, channels: stride)
        var dz = [Float](repeating: 0, count: moved)
        var lanes = dz
        var dTransforms = [Float](repeating: 0, count: own)
        var dParameters = [Float](repeating: 0, count: given)
        for r in 0..<rows {
            transforms.gather(cotangent.dz.elements, r * dims, to: &dz)
            let dLogDet = [Float](repeating: cotangent.dLogDet[r], count: transforms.lanes)
            var laneSpan = lanes.mutableSpan
            var parameterSpan = dTransforms.mutableSpan
            Kernels.best.transformBackward(
                transform, dz: dz.span, dLogDet: dLogDet.span,
                x: tape.x.span.extracting(r * moved..<(r + 1) * moved),
                parameters: tape.parameters.span.extracting(r * given..<r * given + own), rows: transforms.lanes,
                dx: &laneSpan, dParameters: &parameterSpan)
            dParameters.replaceSubrange(0..<own, with: dTransforms)
            if let prediction {
                swap(&lanes, &dz)
                prediction.backward(
                    dz, cotangent.dLogDet[r], x: tape.predicted, y: tape.x, r * moved, tape.parameters,
                    r * given + own, lanes: transforms.lanes, dx: &lanes, dParameters: &dParameters, own)
            }
            transforms.scatter(lanes, to: &dx.elements, r * dims)
            transforms.scatterParameters(grid, dParameters, 0, to: &dOutput, r * grid.pixels * stride, stride)
        }
        (tape.x, tape.predicted, tape.parameters) = ([], [], [])
        if let belief { belief.backward(cotangent.dLogDet, through: &tape.belief!) }  // there with a belief
        let dKey = network.backward(dOutput, through: &tape.network)
        for r in 0..<rows {
            transforms.addKeyGradient(
                grid, dKey, r * grid.pixels * network.keyStride, network.keyStride, &dx.elements, r * dims)
        }
        return dx
    }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        prediction?.visitGradients(body)
        network.visitGradients(of: tapes.map(\.network), body)
        belief?.network.visitGradients(of: tapes.compactMap { $0.belief?.network }) { gradient in
            body(ParameterGradient(info: gradient.info.within("belief"), compute: gradient.compute))
        }
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try prediction?.visitParameters(body)
        try network.visitParameters(body)
        try belief?.network.visitParameters { info, values in try body(info.within("belief"), &values) }
    }
}

/// Adds up the first `count` values in double precision.
func sum(_ values: [Float], _ count: Int) -> Float {
    let span = values.span
    var sum = 0.0
    for i in 0..<count { sum += Double(span[i]) }
    return Float(sum)
}
