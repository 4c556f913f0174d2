import ArgumentParser
import DataSets
import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import FoundationEssentials
import System

struct Bench: ParsableCommand {
    enum Direction: String, ExpressibleByArgument, CaseIterable, Codable {
        case density
        case sample
        case train
    }

    static let configuration = CommandConfiguration(
        abstract: "Measures the speed of a flow on this machine.",
        discussion: "Prints one JSON object. Density and sampling are of the flow itself, without decoding or "
            + "dequantization; training is whole steps of the trainer. gflops counts the multiply-adds that "
            + "are done, two operations each: multiply_adds_done an image, where the flow's definition has "
            + "multiply_adds. peak_gflops is what a large single-precision product reaches in the same run on as many "
            + "threads. Without --model the weights are random.")

    @Option(help: ArgumentHelp("Model file, in place of the sizes.", valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Architecture: \(FlowRegistry.names).", valueName: "name"))
    var architecture: String?

    @Option(help: ArgumentHelp("Dimensions of an event; 784 without --image.", valueName: "n"))
    var dims: Int?

    @Option(help: ArgumentHelp("Height, width and channels of an event, for flows of images.", valueName: "28x28x1"))
    var image: String?

    @OptionGroup var sizes: SizeArguments<MeasuredSizes>

    @Option(
        help: ArgumentHelp("\(Direction.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "direction"))
    var direction: Direction = .density

    @Option(help: ArgumentHelp("Rows a call, or images a training step.", valueName: "n"))
    var batch = 64

    @Option(help: ArgumentHelp("Threads that share the rows.", valueName: "n"))
    var threads = Processors.count

    @OptionGroup var weights: PrecisionArguments

    @Option(
        help: ArgumentHelp(
            "Random weights rounded as to a model file of this type: float32, bfloat16 or float16.", valueName: "type"))
    var filePrecision: TensorPrecision = .float32

    @Option(help: ArgumentHelp("Measuring time.", valueName: "s"))
    var seconds = 2.0

    /// Most numbers in the arrays of a flow that is built from sizes.
    private static let maxElements = 1 << 30

    func run() throws {
        if direction == .train { keepFreedMemory() }
        try check("--batch", batch, in: 1...65_536)
        try check("--threads", threads, in: 1...1024)
        try check("--seconds", seconds, in: 0.01...3600)
        guard direction != .train || weights.precision == .f32 else {
            throw CommandError("--precision is \(weights.precision); training is always in f32")
        }
        guard direction != .train || filePrecision == .float32 else {
            throw CommandError("--file-precision is \(filePrecision); a training's weights are float32")
        }
        let (flow, shape, sizes) = try flow()
        Terminal.line(try measure(flow, shape, sizes))
    }

    private func flow() throws -> (any FlowArchitecture, EventShape, Sizes) {
        if let model {
            let given = try sizes.given().names
            guard architecture == nil, dims == nil, image == nil, given.isEmpty, filePrecision == .float32 else {
                let options = MeasuredSizes.fields.filter { given.contains($0.name) }.map(MeasuredSizes.option)
                throw CommandError(
                    "--model brings its own sizes: leave out "
                        + (["--architecture", "--dims", "--image"] + options).joined(separator: ", ")
                        + (filePrecision == .float32 ? "" : ", --file-precision"))
            }
            let density: DensityModel
            do { density = try ModelFile.load(path: model) } catch let error as ModelFileError {
                throw CommandError("\(model): \(error)")
            }
            return (density.flow, density.record.eventShape, density.record.sizes)
        }
        let name = architecture ?? "maf"
        guard let type = FlowRegistry.architecture(named: name) else {
            throw CommandError("--architecture is \(name); allowed is \(FlowRegistry.names)")
        }
        let shape = try eventShape()
        let sizes = try sizes.sizes(of: type)
        guard let count = type.elementCount(shape: shape, sizes: sizes), count <= Self.maxElements
        else {
            throw CommandError(
                "a flow of these sizes has more than \(Self.maxElements) parameters, masked zeros among them")
        }
        return (try random(type, shape, sizes), shape, sizes)
    }

    private func eventShape() throws -> EventShape {
        guard let image else {
            let dims = dims ?? 784
            try check("--dims", dims, in: 1...1 << 20)
            return EventShape(height: 1, width: dims, channels: 1)
        }
        let sides = image.split(separator: "x", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard dims == nil, sides.count == 3, sides.allSatisfy({ (1...1024).contains($0) }) else {
            throw CommandError(
                "--image is \(image); expected is height x width x channels, such as 28x28x1, and no --dims")
        }
        return EventShape(height: sides[0], width: sides[1], channels: sides[2])
    }

    /// A flow away from the identity: what starts at zero is small and random.
    private func random<Flow: FlowArchitecture>(
        _ type: Flow.Type, _ shape: EventShape, _ sizes: Sizes
    ) throws -> Flow {
        var flow = try Flow(shape: shape, sizes: sizes, seed: 1)
        var stream = RandomStream(seed: 2, stream: 0)
        flow.visitParameters { info, values in
            if info.shape.count == 2, values.allSatisfy({ $0 == 0 }) {
                for i in values.indices { values[i] = 0.01 * (2 * stream.uniform() - 1) }
            }
            for i in values.indices { values[i] = filePrecision.rounded(values[i]) }
        }
        flow.restoreStructuralZeros()
        return flow
    }

    private func measure<Flow: FlowArchitecture>(
        _ flow: Flow, _ shape: EventShape, _ sizes: Sizes
    ) throws -> String {
        let before = peakGFLOPS(threads: threads)
        let engine = FlowEngine(flow, precision: weights.precision)
        let rates =
            switch direction {
            case .density, .sample: try calls(engine)
            case .train: try steps(of: Flow.self, shape, sizes)
            }
        let peak = max(before, peakGFLOPS(threads: threads))
        let median = rates.sorted()[rates.count / 2]
        // a step's backward pass has two products for each one of the forward pass
        let passes = direction == .train ? 3 : 1
        let done = passes * (direction == .sample ? engine.multiplyAddsDone.inverse : engine.multiplyAddsDone.forward)
        let report = Report(
            version: Tusk.version, instructionSet: "\(InstructionSet.best)", architecture: Flow.architectureName,
            dims: flow.dims, layers: sizes[FlowFields.layers], hidden: sizes[FlowFields.hidden], sizes: sizes,
            direction: direction,
            batch: batch, threads: threads, precision: weights.precision.rawValue,
            filePrecision: model == nil ? "\(filePrecision)" : nil, imagesPerSecond: median,
            imagesPerSecondMin: rates.min()!, imagesPerSecondMax: rates.max()!,  // never empty
            millisecondsPerBatch: 1e3 * Double(batch) / median, multiplyAdds: passes * engine.multiplyAdds,
            multiplyAddsDone: done, gflops: 2 * Double(done) * median / 1e9, peakGflops: peak)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    /// Images/s of each repetition: as many batches as take 20 ms, five repetitions at least.
    private func calls(_ engine: FlowEngine) throws -> [Double] {
        let dims = engine.dims
        var stream = RandomStream(seed: 3, stream: 0)
        let parts = batch.divided(into: min(batch, threads)).enumerated().map { i, rows in
            Part(
                rows: rows.count, first: i, x: (0..<rows.count * dims).map { _ in stream.normal() },
                classes: engine.contextDims)
        }
        let clock = ContinuousClock()
        var next: UInt64 = 0
        func seconds(_ batches: Int) -> Double {
            let start = clock.now
            for _ in 0..<batches {
                next += UInt64(batch)
                inParallel(parts.count, threads: threads) { i in
                    direction == .density ? parts[i].density(engine) : parts[i].sample(engine, from: next)
                }
            }
            return (clock.now - start) / .seconds(1)
        }
        _ = seconds(1)
        let batches = max(1, Int(0.02 / seconds(1)))
        let end = clock.now + .seconds(self.seconds)
        var rates: [Double] = []
        while rates.count < 5 || clock.now < end {
            rates.append(Double(batches * batch) / seconds(batches))
        }
        return rates
    }

    /// Images/s between the trainer's steps, on random images; each step but an epoch's first is a repetition.
    private func steps<Flow: FlowArchitecture>(
        of type: Flow.Type, _ shape: EventShape, _ sizes: Sizes
    ) throws -> [Double] {
        var stream = RandomStream(seed: 4, stream: 0)
        let classes = sizes.classes
        func images(_ count: Int) -> ImageDataSet {
            ImageDataSet(
                shape: shape, levels: 256,
                pixels: (0..<count * shape.dims).map { _ in UInt8(truncatingIfNeeded: stream.next() >> 56) },
                labels: classes == 0 ? nil : (0..<count).map { $0 % classes },
                classes: (0..<classes).map(String.init))
        }
        var options = TrainingOptions()
        options.batch = batch
        options.epochs = TrainingOptions.maxEpochs
        options.patience = 0
        options.learningRate = 1e-6
        let trainer = try Trainer<Flow>(
            sizes: sizes, train: images(max(classes, batch * 16)), validation: images(1),
            preprocessing: try Preprocessing(levels: 256, logitAlpha: 1e-4), options: options, threads: threads)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        var last: (step: Int, at: ContinuousClock.Instant)?
        var rates: [Double] = []
        _ = try trainer.run(
            isInterrupted: { rates.count >= 5 && clock.now >= end },
            observe: { event in
                guard case .step(let report) = event else { return last = nil }
                let now = clock.now
                if let last { rates.append(Double(report.images - last.step) / ((now - last.at) / .seconds(1))) }
                last = (report.images, now)
            })
        return rates
    }

    /// GFLOP/s of 1024 × 1024 × 1024 products, one a thread: the best of some.
    private func peakGFLOPS(threads: Int) -> Double {
        let (size, lanes) = (1024, 32)
        let stride = rowStride(size)
        let a = [Float](repeating: 0.5, count: size * size)
        let b = [Float](repeating: 0.25, count: size * stride)
        var outputs = Array(repeating: [Float](repeating: 0, count: size * lanes), count: threads)
        var best = 0.0
        for _ in 0..<8 {
            let start = ContinuousClock.now
            try? updateInParallel(&outputs, threads: threads) { _, c in
                for panel in 0..<size / lanes {
                    for rows in Swift.stride(from: 0, to: size, by: RowTile.capacity) {
                        Kernels.best.product(
                            a, Operand(offset: panel * lanes * size, step: lanes), b,
                            Operand(offset: rows * stride, step: 1, stride: stride), lanes: lanes,
                            count: RowTile.capacity, depth: size, c: &c, Operand(offset: rows * lanes, step: lanes))
                    }
                }
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            best = max(best, 2e-9 * Double(threads * size * size * size) / seconds)
        }
        return best
    }
}

/// Rows of one thread, and where their results go.
private final class Part {
    private let rows: Int
    private let stream: UInt64
    private var x: [Float]
    private var z: [Float]
    private var logDet: [Float]
    /// Context `[rows, classes]`, the classes in turn, one-hot; empty for a flow without classes.
    private let context: [Float]
    /// Sum of all results, so that none is computed for nothing.
    private(set) var total = 0.0

    init(rows: Int, first: Int, x: [Float], classes: Int) {
        self.rows = rows
        context = (0..<rows * classes).map { $0 % classes == $0 / classes % classes ? 1 : 0 }
        stream = UInt64(first)
        self.x = x
        z = x
        logDet = Array(repeating: 0, count: rows)
    }

    /// Computes `log p(x)` of every row, in nats.
    func density(_ engine: FlowEngine) {
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        let given = context
        engine.forward(x.span, context: given.span, rows: rows, z: &zSpan, logDet: &logDetSpan)
        total += standardNormalLogDensity(Matrix(rows: rows, columns: engine.dims, elements: z)).reduce(0, +)
    }

    /// Draws new latents, and computes the data that they stand for.
    func sample(_ engine: FlowEngine, from first: UInt64) {
        for r in 0..<rows {
            var span = x.mutableSpan
            RandomStream.normals(
                seed: first + UInt64(r), stream: stream, to: &span, offset: r * engine.dims, count: engine.dims)
        }
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        do {
            let given = context
            try engine.inverse(x.span, context: given.span, rows: rows, x: &zSpan, logDet: &logDetSpan)
        } catch {
            preconditionFailure("only cancellation ends an inverse early")
        }
        total += Double(z[0])
    }
}

private struct Report: Encodable {
    var version: String
    var instructionSet: String
    var architecture: String
    var dims: Int
    var layers: Int
    var hidden: [Int]
    /// All sizes of the flow.
    var sizes: Sizes
    var direction: Bench.Direction
    var batch: Int
    var threads: Int
    var precision: String
    /// Type of a file's numbers to which random weights are rounded; nil of a model file.
    var filePrecision: String?
    var imagesPerSecond: Double
    var imagesPerSecondMin: Double
    var imagesPerSecondMax: Double
    var millisecondsPerBatch: Double
    /// Multiply-adds of an image by the flow's definition.
    var multiplyAdds: Int
    /// Multiply-adds that are done for an image.
    var multiplyAddsDone: Int
    var gflops: Double
    var peakGflops: Double

    enum CodingKeys: String, CodingKey {
        case version, architecture, dims, layers, hidden, sizes, direction, batch, threads, precision, gflops
        case instructionSet = "instruction_set"
        case filePrecision = "file_precision"
        case imagesPerSecond = "images_per_second"
        case imagesPerSecondMin = "images_per_second_min"
        case imagesPerSecondMax = "images_per_second_max"
        case millisecondsPerBatch = "milliseconds_per_batch"
        case multiplyAdds = "multiply_adds"
        case multiplyAddsDone = "multiply_adds_done"
        case peakGflops = "peak_gflops"
    }
}
