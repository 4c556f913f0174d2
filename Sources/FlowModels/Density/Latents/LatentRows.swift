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

    public init(latent: [Float], classIndex: Int? = nil) {
        self.latent = latent
        self.classIndex = classIndex
    }
}

/// Image of a latent, with how well the flow undoes itself there.
public struct DecodedLatent: Sendable, Equatable {
    /// The image, and its log-density before it was rounded down to levels.
    public var image: DrawnImage
    /// Largest distance of a dimension of the latent from that of the image, before it was rounded down to levels.
    public var roundTripError: Float

    public init(image: DrawnImage, roundTripError: Float) {
        self.image = image
        self.roundTripError = roundTripError
    }
}
