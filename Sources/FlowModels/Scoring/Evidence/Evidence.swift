/// Evidence about an image: a number that comes with its density, and what it says when it is unlike that of the learned images.
///
/// A line of ``all`` is all that another kind of evidence takes.
public struct Evidence: Sendable {
    /// What evidence is computed from.
    struct Input: Sendable {
        var pixels: [UInt8]
        /// `log p(y)` of draw 0, nats.
        var logProb: Double
        /// Statistics of the latent; of a mixture, under the most probable class.
        var latents: LatentStatistics
    }

    /// Name in model files and answers, in snake_case.
    public let name: String
    /// What a value below those of the learned images means, as the end of "the image …".
    public let low: String
    /// What a value above those of the learned images means, as the end of "the image …".
    public let high: String
    let value: @Sendable (Input) -> Double

    init(_ name: String, low: String, high: String, _ value: @escaping @Sendable (Input) -> Double) {
        self.name = name
        self.low = low
        self.high = high
        self.value = value
    }

    /// Every kind, in the order in which answers have them.
    public static let all: [Evidence] = [
        Evidence(
            "log_density", low: "is less probable than the learned images",
            high: "is more probable than the learned images, as very simple images are"
        ) { $0.logProb },
        Evidence(
            "complexity", low: "is simpler than the learned images", high: "has more detail than the learned images"
        ) { Double(Complexity.bytes(of: $0.pixels)) },
        Evidence(
            "latent_mean", low: "is darker than the model foresees, pixel by pixel",
            high: "is brighter than the model foresees, pixel by pixel"
        ) { $0.latents.mean },
        Evidence(
            "latent_variance", low: "surprises the model less than its own noise does",
            high: "surprises the model more than the learned images do"
        ) { $0.latents.meanSquare },
        Evidence(
            "latent_fourth_moment", low: "has fewer surprising pixels than the learned images",
            high: "has a few pixels that surprise the model very much"
        ) { $0.latents.fourthMoment },
        Evidence(
            "latent_largest", low: "has no pixel that is as surprising as some of every learned image",
            high: "has a pixel that the model thought all but impossible"
        ) { $0.latents.largest },
        Evidence(
            "latent_distribution", low: "fits the model better than the learned images do",
            high: "has surprises that are spread otherwise than those of the learned images"
        ) { $0.latents.chiSquare },
        Evidence(
            "latent_row_correlation", low: "surprises the model in turns, from pixel to pixel along its rows",
            high: "surprises the model in stretches along its rows"
        ) { $0.latents.rowCorrelation },
        Evidence(
            "latent_column_correlation", low: "surprises the model in turns, from row to row",
            high: "surprises the model in stretches from row to row"
        ) { $0.latents.columnCorrelation },
    ]

    /// Values of ``all`` for an image.
    static func values(_ input: Input) -> [Double] { all.map { $0.value(input) } }
}
