/// An image of which some pixels are known, and the rest of which is to be drawn. The same values give the same bytes, whatever
/// else is drawn with it.
public struct CompletionRow: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`; those of pixels that are not known are not read.
    public var pixels: [UInt8]
    /// Whether each pixel is known, `[height · width]`.
    public var isKnown: [Bool]
    /// Seed of the random numbers.
    public var seed: UInt64
    /// Number of this draw within its seed, below ``SampleRow/indexLimit``.
    public var index: UInt64
    /// Standard deviation of the latent; 1 draws from the learned density.
    public var temperature: Float
    /// Index of the class, among the record's, to draw from a class-conditional density; nil for the mixture of all.
    public var classIndex: Int?
    /// Number of particles of ``CompletionMethod/particles``.
    public var particles: Int
    /// Number of moves of ``CompletionMethod/chain``.
    public var moves: Int

    public init(
        pixels: [UInt8], isKnown: [Bool], seed: UInt64, index: UInt64, temperature: Float = 1, classIndex: Int? = nil,
        particles: Int = 16, moves: Int = 400
    ) {
        self.pixels = pixels
        self.isKnown = isKnown
        self.seed = seed
        self.index = index
        self.temperature = temperature
        self.classIndex = classIndex
        self.particles = particles
        self.moves = moves
    }

    /// Most particles, by the rows that executors compute side by side.
    public static let mostParticles = 64
}

/// Method by which the rest of an image is drawn from `p(unknown | known)`, the known pixels dequantized with uniform noise.
public enum CompletionMethod: String, Sendable, CaseIterable {
    /// Conditional draws of each dimension given those before it: exact, since every known pixel comes before the unknown ones in
    /// the order of the flow. A class that is not given is drawn from its exact posterior.
    case conditional
    /// Sequential Monte Carlo: particles draw what is unknown given what comes before it, are weighted with the density of the
    /// known pixels that follow, and resampled; one is chosen. Exact in the limit of many particles alone.
    ///
    /// Source: Gordon, Salmond & Smith, *Novel Approach to Nonlinear/Non-Gaussian Bayesian State Estimation* (1993);
    /// resampling is systematic, where the effective sample size is below half (Liu & Chen 1998, §2.2).
    case particles = "sequential-monte-carlo"
    /// A Markov chain on latents whose limit has the conditional density, for flows that have no one order of dimensions. Exact
    /// in the limit of many moves alone.
    ///
    /// Source: Cannella, Soltani & Tarokh, *Projected Latent Markov Chain Monte Carlo* (2021), §3, arXiv:2007.06140.
    case chain = "latent-markov-chain"

    /// Whether every draw has the conditional density itself.
    public var isExact: Bool { self == .conditional }
}

/// An image whose rest was drawn.
public struct CompletedImage: Sendable, Equatable {
    /// The whole image, its known pixels as they were given, and the log-density of the drawn point.
    public var image: DrawnImage
    /// Largest distance of a dimension of the latent that was decoded from that of the image, before it was rounded down to levels.
    public var roundTripError: Float
    /// Smallest effective sample size `(Σ w)²/Σ w²` of the particles; nil without particles.
    public var effectiveSampleSize: Double?
    /// Number of particles at the start that those at the end descend from, of which one is this image; nil without particles.
    public var ancestors: Int?
    /// Fraction of a chain's moves that were accepted; nil without a chain.
    public var acceptance: Double?

    public init(
        image: DrawnImage, roundTripError: Float, effectiveSampleSize: Double? = nil, ancestors: Int? = nil,
        acceptance: Double? = nil
    ) {
        self.image = image
        self.roundTripError = roundTripError
        self.effectiveSampleSize = effectiveSampleSize
        self.ancestors = ancestors
        self.acceptance = acceptance
    }
}
