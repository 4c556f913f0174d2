/// Point of a training curve, as a model's record has it.
public struct TrainingCurvePoint: Sendable, Codable, Equatable {
    /// Training time until then, validation included, seconds.
    public var seconds: Double
    /// Number of passes over the training images until then.
    public var epochs: Double
    /// What the training lowered since the point before, bits/dim.
    public var trainBitsPerDim: Double
    /// Mean over the validation images, bits/dim.
    public var validationBitsPerDim: Double

    enum CodingKeys: String, CodingKey {
        case seconds
        case epochs
        case trainBitsPerDim = "train_bits_per_dim"
        case validationBitsPerDim = "validation_bits_per_dim"
    }

    public init(seconds: Double, epochs: Double, trainBitsPerDim: Double, validationBitsPerDim: Double) {
        self.seconds = seconds
        self.epochs = epochs
        self.trainBitsPerDim = trainBitsPerDim
        self.validationBitsPerDim = validationBitsPerDim
    }
}

extension [TrainingCurvePoint] {
    /// Most points of a curve in a model file: a curve is to be looked at, and stands in every description of its model.
    public static let mostPoints = 256

    /// The curve with at most ``mostPoints`` of its points, evenly chosen, the first and the last among them.
    public var thinned: [TrainingCurvePoint] {
        guard count > Self.mostPoints else { return self }
        return (0..<Self.mostPoints).map { self[$0 * (count - 1) / (Self.mostPoints - 1)] }
    }
}
