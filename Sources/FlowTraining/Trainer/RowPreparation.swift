import DataSets
import FlowCore
import FlowModels

/// Images made ready for the flow.
struct PreparedRows {
    /// Input of the flow, `[rows, D]`.
    var x: Matrix
    /// `log p(y) − log p(x)` of each row, nats; less `log q(u | image)` where a dequantizer drew the noise.
    var logDet: [Double]
    /// Classes as one-hot, `[rows, classes]`; nil without.
    var context: Matrix?
    /// Pass of a dequantizer under training; else nil.
    var noise: NoisePass?

    /// Computes `log p(y)` of each row, nats, less `log q(u | image)` of a dequantizer, given what the flow made of ``x``.
    func logProbs(z: Matrix, logDet flowLogDet: [Float]) -> [Double] {
        let base = standardNormalLogDensity(z)
        return base.indices.map { base[$0] + Double(flowLogDet[$0]) + logDet[$0] }
    }
}

/// Preparation of images as rows: augmentation, dequantization with noise of its own for each image and epoch, preprocessing.
struct RowPreparation {
    let data: ImageDataSet
    /// Index of the image of each entry of an epoch; an image that an epoch has again has other noise there.
    let entries: [Int]
    let preprocessing: Preprocessing
    let options: TrainingOptions
    /// Number of classes that the flow is conditioned on; 0 for none.
    let classes: Int

    /// - Parameter entries: indices of images; nil for each image once.
    init(
        data: ImageDataSet, entries: [Int]? = nil, preprocessing: Preprocessing, options: TrainingOptions, classes: Int
    ) {
        self.data = data
        self.entries = entries ?? Array(0..<data.count)
        self.preprocessing = preprocessing
        self.options = options
        self.classes = classes
    }

    /// Makes the training rows of some of the entries of `epoch`.
    /// - Throws: ``FlowError`` when a dequantizer is not for such images; ``DataError`` when an image cannot be read.
    func training(_ chosen: ArraySlice<Int>, epoch: Int, noise: NoiseSource) throws -> PreparedRows {
        try rows(chosen, noise) { entry in
            let augmentation = Augmentation.draw(options: options, epoch: epoch, entry: entry)
            return (
                augmentation.applied(to: try data[entries[entry]][...], shape: data.shape),
                TrainingStream.noise.stream(epoch: epoch, entry: entry)
            )
        }
    }

    /// Makes rows of images as they are, with the same noise every time.
    /// - Throws: ``FlowError`` when a dequantizer is not for such images; ``DataError`` when an image cannot be read.
    func validation(_ chosen: Range<Int>, noise: NoiseSource) throws -> PreparedRows {
        try rows(chosen, noise) { entry in
            (try data[entries[entry]], TrainingStream.validationNoise.stream(entry: entry))
        }
    }

    private func rows(
        _ chosen: some Collection<Int>, _ source: NoiseSource, _ draw: (Int) throws -> (pixels: [UInt8], stream: UInt64)
    ) throws -> PreparedRows {
        let drawn = try chosen.map(draw)
        let dims = data.shape.dims
        var noise: [Float]
        var logQ = [Double](repeating: 0, count: drawn.count)
        var pass: NoisePass?
        switch source {
        case .uniform:
            noise = drawn.flatMap { _, stream in
                var source = RandomStream(seed: options.seed, stream: stream)
                return (0..<dims).map { _ in source.uniform() }
            }
        case .learned(let map):
            let (epsilon, context) = learnedInput(drawn)
            let (v, logDet) = try map.forward(epsilon, context: context)
            (noise, logQ) = learned(v, logDet, epsilon)
        case .learning(let dequantizer):
            let (epsilon, context) = learnedInput(drawn)
            let (v, logDet, tape) = try dequantizer.map.forwardTaped(epsilon, context: context)
            (noise, logQ) = learned(v, logDet, epsilon)
            pass = NoisePass(
                dequantizer, preprocessing, pixels: drawn.flatMap(\.pixels), v: v, noise: noise, tape: tape)
        }
        var x = Matrix(rows: drawn.count, columns: dims)
        var logDet: [Double] = []
        for (r, own) in drawn.enumerated() {
            let rowNoise = Array(noise[r * dims..<(r + 1) * dims])
            var span = x.elements.mutableSpan
            logDet.append(
                preprocessing.flowInput(pixels: own.pixels[...], noise: rowNoise, w: &span, offset: r * dims) - logQ[r])
        }
        return PreparedRows(x: x, logDet: logDet, context: context(chosen), noise: pass)
    }

    /// Makes the input of a dequantizer: `ε` and the images as context, `[rows, D]` each.
    private func learnedInput(_ drawn: [(pixels: [UInt8], stream: UInt64)]) -> (epsilon: Matrix, context: Matrix) {
        let dims = data.shape.dims
        var epsilon = Matrix(rows: drawn.count, columns: dims)
        var context = epsilon
        for (r, own) in drawn.enumerated() {
            var span = epsilon.elements.mutableSpan
            RandomStream.normals(
                seed: options.seed, stream: own.stream, to: &span, offset: r * dims, count: dims)
            Dequantizer.setContext(
                &context.elements, pixels: own.pixels[...], levels: preprocessing.levels, offset: r * dims)
        }
        return (epsilon, context)
    }

    /// Makes noise, `[rows · D]`, of what a dequantizer's map made of `ε`, and computes `log q(u | x)` of each row, nats.
    private func learned(_ v: Matrix, _ logDet: [Float], _ epsilon: Matrix) -> (noise: [Float], logQ: [Double]) {
        var noise = v.elements
        Dequantizer.setNoise(&noise, of: v.elements, 0, count: noise.count)
        let (epsilonLogDensities, vLogDensities) = (standardNormalLogDensity(epsilon), standardNormalLogDensity(v))
        return (noise, logDet.indices.map { epsilonLogDensities[$0] - Double(logDet[$0]) - vLogDensities[$0] })
    }

    /// Returns the classes of some entries as one-hot, `[rows, classes]`; nil without classes.
    func context(_ chosen: some Collection<Int>) -> Matrix? {
        guard classes > 0, let labels = data.labels else { return nil }
        var context = Matrix(rows: chosen.count, columns: classes)
        for (r, entry) in chosen.enumerated() { context[r, labels[entries[entry]]] = 1 }
        return context
    }
}
