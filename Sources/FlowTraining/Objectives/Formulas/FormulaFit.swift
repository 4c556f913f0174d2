public import FlowCore
import FlowLayers
public import FlowModels

/// Settings of a fit of a flow to a formula.
public struct FormulaFitOptions: Sendable, Equatable {
    /// Number of steps.
    public var steps = 5000
    /// Samples a step.
    public var batch = 256
    /// Seed of the samples and the initial weights.
    public var seed: UInt64 = 0
    /// Peak of the learning rate, which falls as a cosine.
    public var learningRate = 2e-3
    /// Steps over which the learning rate rises linearly to its peak.
    public var warmupSteps = 100
    /// Largest Euclidean norm of the gradient, nats per dimension; 0 turns clipping off.
    public var clipNorm = 1.0
    /// Decay of the moving average of the weights, per step; 0 keeps the last weights themselves.
    public var averageDecay = 0.999
    /// Fraction of the steps over which the density sharpens from `p^0.01` to `p`, linearly, so that no part of it is lost at the
    /// start. Rezende & Mohamed (2015), §4.2, equation 20.
    public var annealing = 0.3

    /// Standard settings.
    public init() {}

    /// Checks every setting.
    /// - Throws: ``TrainingError/outOfRange(option:value:allowed:)`` for the first setting that makes no sense.
    public func validate() throws {
        try TrainingOptions.check("steps", steps, in: 1...Self.maxSteps)
        try TrainingOptions.check("batch", batch, in: 2...Self.maxBatch)
        try TrainingOptions.check("learning-rate", learningRate, in: 1e-12...1e3)
        try TrainingOptions.check("warmup-steps", warmupSteps, in: 0...1_000_000_000)
        try TrainingOptions.check("clip", clipNorm, in: 0...1e30)
        try TrainingOptions.check("ema", averageDecay, in: 0...0.999_999_9)
        try TrainingOptions.check("anneal", annealing, in: 0...1)
    }

    /// Most steps: they have 24 bits in the key of a random stream.
    public static let maxSteps = 1 << 24 - 1
    /// Most samples a step.
    public static let maxBatch = 1 << 16

    /// Returns the inverse temperature `β` of the density in a step, counted from 0.
    package func inverseTemperature(step: Int) -> Double {
        let sharpening = annealing * Double(steps)
        return sharpening > 0 ? min(1, 0.01 + 0.99 * Double(step) / sharpening) : 1
    }
}

/// Fits a flow to a density that is given as a formula, by the reverse divergence: it draws samples, and needs none.
///
/// Two fits with equal options end with the same bits, on however many threads they run.
public final class FormulaFit<Flow: ReversibleArchitecture> {
    /// Settings of the fit.
    public let options: FormulaFitOptions
    /// Number of steps that were taken.
    public private(set) var step = 0
    private let density: any DifferentiableDensity
    private var flow: Flow
    private var optimizer: Adam
    private var gradient: BatchGradient
    private let threads: Int

    /// Makes a flow of `sizes` with initial weights, ready for the first step.
    /// - Throws: ``TrainingError`` for options that make no sense; what the architecture throws.
    public init(
        to density: any DifferentiableDensity, sizes: Sizes, options: FormulaFitOptions,
        threads: Int
    ) throws {
        try options.validate()
        self.options = options
        self.density = density
        self.threads = max(1, threads)
        flow = try Flow(
            shape: EventShape(height: 1, width: density.dims, channels: 1), sizes: sizes,
            seed: options.seed)
        optimizer = Adam(flow: flow)
        gradient = BatchGradient(infos: optimizer.moments.map(\.info))
    }

    /// The flow with the averaged weights.
    public var averaged: Flow {
        var averaged = flow
        averaged.setParameters(optimizer.averages)
        return averaged
    }

    /// Takes the steps that are left.
    ///
    /// - Parameter observe: called on this thread after each step, with the mean of `β log p − log q` over its samples, nats, and
    ///   `β`, which is 1 once the density is as sharp as it is.
    /// - Throws: ``TrainingError/diverged(quantity:epoch:step:)``; what `observe` throws.
    public func run(observe: (_ mean: Double, _ inverseTemperature: Double) throws -> Void = { _, _ in }) throws {
        let schedule = LearningRateSchedule(peak: options.learningRate, warmupSteps: options.warmupSteps)
        let batch = BatchDivision(rows: options.batch, of: flow, atATime: 0, threads: threads)
        while step < options.steps {
            let latents = standardNormals(
                rows: options.batch, dims: flow.dims, seed: options.seed,
                stream: TrainingStream.latent.stream(epoch: step))
            let tempered = Tempered(
                density: density, inverseTemperature: options.inverseTemperature(step: step))
            let sum = try gradient.compute(of: flow, batch, threads: threads) {
                try reverseDivergence(of: flow, from: tempered, latents.rows($0), context: nil, weight: $1)
            }.reduce(0, +)
            guard sum.isFinite, gradient.norm.isFinite else {
                throw TrainingError.diverged(quantity: "divergence is not finite", epoch: 1, step: step + 1)
            }
            let settings = Adam.Settings(
                learningRate: schedule.rate(step: step, progress: Double(step) / Double(options.steps)),
                clipNorm: options.clipNorm, weightDecay: 0, averageDecay: options.averageDecay)
            optimizer.step(&flow, gradient: gradient, settings: settings, threads: threads)
            step += 1
            try observe(sum / Double(options.batch), tempered.inverseTemperature)
        }
    }
}

/// Draws standard normal numbers, `[rows, dims]`.
package func standardNormals(rows: Int, dims: Int, seed: UInt64, stream: UInt64) -> Matrix {
    var z = Matrix(rows: rows, columns: dims)
    var span = z.elements.mutableSpan
    RandomStream.normals(seed: seed, stream: stream, to: &span, count: rows * dims)
    return z
}

extension Matrix {
    /// Returns some of the rows.
    fileprivate func rows(_ range: Range<Int>) -> Matrix {
        Matrix(
            rows: range.count, columns: columns,
            elements: Array(elements[range.lowerBound * columns..<range.upperBound * columns]))
    }
}
