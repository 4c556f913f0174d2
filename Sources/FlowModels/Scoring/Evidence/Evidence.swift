/// Evidence about an image: a number that comes with its density, and what it says when it is unlike that of the learned images.
///
/// A line of ``all`` is all that another kind of evidence takes.
public struct Evidence: Sendable {
    /// What an image alone gives, the same under every class.
    struct ImageFacts: Sendable {
        /// Size after deflate, bytes.
        var complexity: Int
        /// `log p(y)` of draw 0 under the background model, nats; nil without one.
        var backgroundLogProb: Double?

        init(pixels: [UInt8], record: ModelRecord) {
            complexity = Complexity.bytes(of: pixels)
            backgroundLogProb = record.background?.logProb(pixels, shape: record.eventShape)
        }
    }

    /// What evidence is computed from.
    struct Input: Sendable {
        var image: ImageFacts
        /// Log-density of draw 0, nats, with the statistics of what it is made of; of a mixture, those under the most probable class.
        var density: LatentDensity
    }

    /// Name in model files and answers, in snake_case.
    public let name: String
    /// What a value below those of the learned images means, as the end of "the image …".
    public let low: String
    /// What a value above those of the learned images means, as the end of "the image …".
    public let high: String
    /// Whether a high value says that the model is surprised, whatever else there is: such values count more (``DensityOfStates``).
    let isSurprise: Bool
    let value: @Sendable (Input) -> Double

    init(
        _ name: String, low: String, high: String, isSurprise: Bool = false,
        _ value: @escaping @Sendable (Input) -> Double
    ) {
        self.name = name
        self.low = low
        self.high = high
        self.isSurprise = isSurprise
        self.value = value
    }

    /// Every kind, in the order in which answers have them.
    public static let all: [Evidence] = [
        Evidence(
            "log_density", low: "is less probable than the learned images",
            high: "is more probable than the learned images, as very simple images are"
        ) { $0.density.logProb },
        Evidence(
            "complexity", low: "is simpler than the learned images", high: "has more detail than the learned images"
        ) { Double($0.image.complexity) },
        Evidence(
            "latent_mean", low: "is darker than the model foresees, pixel by pixel",
            high: "is brighter than the model foresees, pixel by pixel"
        ) { $0.density.latents.mean },
        Evidence(
            "latent_variance", low: "surprises the model less than its own noise does",
            high: "surprises the model more than the learned images do", isSurprise: true
        ) { $0.density.latents.meanSquare },
        Evidence(
            "latent_fourth_moment", low: "has fewer surprising pixels than the learned images",
            high: "has a few pixels that surprise the model very much", isSurprise: true
        ) { $0.density.latents.fourthMoment },
        Evidence(
            "latent_largest", low: "has no pixel that is as surprising as some of every learned image",
            high: "has a pixel that the model thought all but impossible", isSurprise: true
        ) { $0.density.latents.largest },
        Evidence(
            "latent_distribution", low: "fits the model better than the learned images do",
            high: "has surprises that are spread otherwise than those of the learned images"
        ) { $0.density.latents.chiSquare },
        Evidence(
            "latent_row_correlation", low: "surprises the model in turns, from pixel to pixel along its rows",
            high: "surprises the model in stretches along its rows"
        ) { $0.density.latents.rowCorrelation },
        Evidence(
            "latent_column_correlation", low: "surprises the model in turns, from row to row",
            high: "surprises the model in stretches from row to row"
        ) { $0.density.latents.columnCorrelation },
        Evidence(
            "background_ratio", low: "is hardly better explained by the model than by neighbouring pixels alone",
            high: "is far better explained by the model than by neighbouring pixels alone"
        ) { input in input.image.backgroundLogProb.map { input.density.logProb - $0 } ?? .nan },
        Evidence(
            "pixel_spread", low: "has pixels that are all about as probable",
            high: "has pixels of very different probability"
        ) { $0.density.terms?.spread ?? .nan },
        Evidence(
            "pixel_unlikely", low: "has fewer improbable pixels than the learned images",
            high: "has more improbable pixels than the learned images", isSurprise: true
        ) { $0.density.terms?.unlikely ?? .nan },
        Evidence(
            "pixel_run", low: "has no stretch of improbable pixels as the learned images do",
            high: "has a long stretch of improbable pixels"
        ) { $0.density.terms?.longestRun ?? .nan },
        Evidence(
            "pixel_correlation", low: "has improbable pixels scattered singly",
            high: "has improbable pixels side by side"
        ) { $0.density.terms?.correlation ?? .nan },
    ]

    /// Values of ``all`` for an image; NaN of what there is none of: a model without background model has no ratio, and one whose flow
    /// does not go pixel by pixel no terms.
    static func values(_ input: Input) -> [Double] { all.map { $0.value(input) } }
}
