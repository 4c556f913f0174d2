/// Latent of an image, with how well the flow undoes itself there.
public struct EncodedLatent: Sendable, Equatable {
    /// Distance of an image from what its latent is decoded to.
    public struct RoundTripError: Sendable, Equatable {
        /// Largest distance of a level.
        public var levels: Int
        /// Largest distance of the flow's input, the logit of a dequantized level.
        public var input: Float

        public init(levels: Int, input: Float) {
            self.levels = levels
            self.input = input
        }
    }

    /// Latent `z`, `[D]`, in the flow's own order of dimensions.
    public var latent: [Float]
    /// `log p(y)` of the image, of a class-conditional density `log p(y | class)`; nats.
    public var logProb: Double
    /// Error of decoding the latent; nil where what it is decoded to is not finite.
    public var roundTripError: RoundTripError?

    public init(latent: [Float], logProb: Double, roundTripError: RoundTripError?) {
        self.latent = latent
        self.logProb = logProb
        self.roundTripError = roundTripError
    }
}

/// Latent to decode.
public struct LatentRow: Sendable, Equatable {
    /// Latent `z`, `[D]`.
    public var latent: [Float]
    /// Index of the class, among the record's, that a class-conditional density is given.
    public var classIndex: Int?
    /// Whether the values between the flow's maps are wanted too, which take a second pass.
    public var wantsStates: Bool

    public init(latent: [Float], classIndex: Int? = nil, wantsStates: Bool = false) {
        self.latent = latent
        self.classIndex = classIndex
        self.wantsStates = wantsStates
    }
}

/// Image of a latent, with how well the flow undoes itself there.
public struct DecodedLatent: Sendable, Equatable {
    /// The image, and its log-density before it was rounded down to levels.
    public var image: DrawnImage
    /// Largest distance of a dimension of the latent from that of the image, before it was rounded down to levels.
    public var roundTripError: Float
    /// How the latent becomes the image: the values at the flow's end, between its maps and at its beginning, each through the inverse of
    /// the preprocessing, levels `[D]`; evenly chosen where there are more than ``mostStates``, and without those that are not finite. Empty unless
    /// they were wanted.
    public var states: [[UInt8]]

    /// Most states of a latent.
    public static let mostStates = 32

    public init(image: DrawnImage, roundTripError: Float, states: [[UInt8]] = []) {
        self.image = image
        self.roundTripError = roundTripError
        self.states = states
    }
}
