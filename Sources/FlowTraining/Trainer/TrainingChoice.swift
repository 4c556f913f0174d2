public import DataSets
public import FlowCore
import FlowLayers
import FlowModels
import Glibc

/// Architecture, sizes and settings of a training for which none are given: they follow from the images, and from how much can be
/// computed in the time, by nothing that is measured, so that the same question has the same answer.
public struct TrainingChoice: Sendable, Equatable {
    /// What a choice follows from.
    public struct Question: Sendable, Equatable {
        /// Shape of the images.
        public var shape: EventShape
        /// Number of training images.
        public var images: Int
        /// Number of classes that the density is conditioned on; 0 for none.
        public var classes: Int
        /// Fraction of the values that are the lowest level or the highest.
        public var extremes: Double
        /// Processor time of the training, of all threads together, seconds.
        public var processorSeconds: Double

        public init(shape: EventShape, images: Int, classes: Int, extremes: Double, processorSeconds: Double) {
            self.shape = shape
            self.images = images
            self.classes = classes
            self.extremes = extremes
            self.processorSeconds = processorSeconds
        }

        /// Most images whose values are counted, evenly spaced.
        private static let mostCounted = 10_000

        /// The question that training images ask.
        /// - Throws: ``DataError/unreadable(file:reason:)``.
        public init(_ images: ImageDataSet, classes: Int, processorSeconds: Double) throws(DataError) {
            let last = UInt8(images.levels - 1)
            let counted = min(images.count, Self.mostCounted)
            var extremes = 0
            for number in 0..<counted {
                let image = try images[number * images.count / counted]
                extremes += image.count { $0 == 0 || $0 == last }
            }
            self.init(
                shape: images.shape, images: images.count, classes: classes,
                extremes: Double(extremes) / Double(max(1, counted * images.shape.dims)),
                processorSeconds: processorSeconds)
        }
    }

    /// Name of the architecture.
    public var architecture: String
    /// A value for each of the architecture's fields.
    public var sizes: Sizes
    /// Margin of the logit map.
    public var logitAlpha: Double
    /// Settings of the fit, without a time.
    public var options: TrainingOptions
    /// Number of steps that the time is expected to be enough for, or as many as are taken at most.
    public var expectedSteps: Int
    /// Reasons, a line for each part of the choice.
    public var reasons: [String]

    /// Training time where none is given, seconds.
    public static let standardSeconds = 600.0

    public init(_ question: Question) {
        self = question.shape.height > 1 && question.shape.width > 1 ? .ofImages(question) : .ofVectors(question)
    }

    private init(
        _ flow: any FlowArchitecture.Type, _ chosen: Sizes, logitAlpha: Double, options: TrainingOptions,
        expectedSteps: Int, reasons: [String]
    ) {
        architecture = flow.architectureName
        do throws(FlowError) {
            sizes = try flow.defaultSizes.overridden(by: chosen).resolved(by: flow.fields)
        } catch {
            preconditionFailure("sizes that \(flow.architectureName) does not allow: \(error)")
        }
        self.logitAlpha = logitAlpha
        self.options = options
        self.expectedSteps = expectedSteps
        self.reasons = reasons
    }

    // MARK: Images

    /// Multiply-adds that a thread is expected to do in a second: as one did on an AMD EPYC with AVX2, 2026-11-30.
    private static let multiplyAddsPerSecond = 2e10
    /// Passes through a network that a step costs: forward, backward, and the gradient by the weights.
    private static let passesPerStep = 3.0
    /// Multiply-adds of ten minutes of two threads.
    private static let work = 2 * standardSeconds * multiplyAddsPerSecond
    /// Steps that are aimed at with that much work.
    private static let steps = 6000.0
    /// Channels and number of gated residual blocks that are chosen from, the cheapest first.
    private static let networks = [
        (16, 2), (16, 4), (32, 2), (32, 3), (32, 4), (32, 6), (48, 4), (48, 6), (64, 6), (64, 8), (96, 8), (128, 8),
    ]
    /// Pixels that a step should see at least, so that its gradient says something.
    private static let pixelsPerStep = 1 << 14
    /// Values of the training images that one weight should stand for at least.
    private static let valuesPerWeight = 20.0
    /// Passes over the images after which more would learn them by heart.
    private static let mostEpochs = 300
    /// Fraction of values at the ends of the scale above which images are drawings or silhouettes rather than photographs.
    private static let mostExtremes = 0.25

    private static func ofImages(_ question: Question) -> TrainingChoice {
        let (shape, images) = (question.shape, max(1, question.images))
        let pixels = shape.height * shape.width
        var options = TrainingOptions()
        options.epochs = mostEpochs
        options.batch = max(4, min(64, pixelsPerStep / pixels))
        let stepPixels = Double(min(options.batch, images) * pixels)

        // more time is for larger networks and for more steps alike
        let available = question.processorSeconds * multiplyAddsPerSecond
        let affordable = available / (passesPerStep * stepPixels * steps * (available / work).squareRoot())
        let learnable = Double(images) * Double(shape.dims) / valuesPerWeight
        let (channels, blocks) =
            networks.last { Double(weights($0.0, $0.1)) <= min(affordable, learnable) } ?? networks[0]
        let possible = Int(min(1e9, available / (passesPerStep * stepPixels * Double(weights(channels, blocks)))))
        let most = mostEpochs * options.steps(of: images)
        let expected = max(1, min(possible, most))
        options.learningRate = channels > 64 ? 2e-3 : 3e-3
        options.averageDecay = averageDecay(steps: expected)

        var sizes: Sizes = ["layers": 1]
        sizes[FlowFields.hidden] = Array(repeating: channels, count: blocks)
        sizes[ImageFields.kernel] = 3
        sizes[ImageFields.gated] = true
        sizes.classes = question.classes
        let isDrawn = question.extremes > mostExtremes
        let flow: any FlowArchitecture.Type
        var reasons: [String] = []
        if isDrawn, shape.channels == 1 {
            flow = SplineConvolutionalFlow.self
            sizes[SplineTransform.bins] = 12
            reasons.append(
                "\(flow.architectureName): \(percent(question.extremes)) of the values are at an end of the scale, to which "
                    + "splines bend")
        } else {
            flow = MixtureConvolutionalFlow.self
            sizes[MixtureTransform.components] = 5
            sizes[CausalFields.predictor] = 5
            // what stands in front of a prediction that was fitted must not move
            options.learningRateFactors = [LearningRateFactor(pattern: "standardize", factor: 0)]
            reasons.append(
                "\(flow.architectureName): every pixel is predicted from those before it"
                    + (shape.channels > 1 ? " and its own channels" : "") + ", and the rest learned")
        }
        let logitAlpha = isDrawn ? 1e-5 : 0.05
        reasons.append(
            learnable < affordable
                ? "\(blocks) blocks of \(channels) channels: as much as so few images teach"
                : "\(blocks) blocks of \(channels) channels: the time is enough for about \(rounded(expected)) steps")
        reasons.append("batch \(options.batch): \(rounded(Int(stepPixels))) pixels a step")
        reasons.append(
            "alpha \(logitAlpha): "
                + (isDrawn ? "keeps the ends of the scale apart" : "leaves the scale nearly even"))
        if possible > most {
            reasons.append("at most \(mostEpochs) epochs: more would learn so few images by heart")
        }
        return TrainingChoice(
            flow, sizes, logitAlpha: logitAlpha, options: options, expectedSteps: expected, reasons: reasons)
    }

    /// Counts the weights of a network that are multiplied at every pixel: in each block those of five pixels of the nine that a square of
    /// 3×3 has, of a value and of a gate.
    private static func weights(_ channels: Int, _ blocks: Int) -> Int { 7 * blocks * channels * channels }

    // MARK: Vectors

    /// The choice for what has one row or one column.
    private static func ofVectors(_ question: Question) -> TrainingChoice {
        let flow = SplineAutoregressiveFlow.self
        var sizes: Sizes = ["layers": 2, "hidden": [128, 128]]
        sizes.classes = question.classes
        var options = TrainingOptions()
        options.epochs = mostEpochs
        let images = max(1, question.images)
        // of all sizes the fields allow these, so that there is a count
        let weights = flow.parameterCount(shape: question.shape, sizes: flow.defaultSizes.overridden(by: sizes)) ?? 1
        let possible =
            question.processorSeconds * multiplyAddsPerSecond
            / (passesPerStep * Double(min(options.batch, images)) * Double(weights))
        let expected = max(1, min(Int(min(1e9, possible)), mostEpochs * options.steps(of: images)))
        options.averageDecay = averageDecay(steps: expected)
        return TrainingChoice(
            flow, sizes, logitAlpha: InputDefaults.logitAlpha, options: options, expectedSteps: expected,
            reasons: [
                "\(flow.architectureName): one row or column of pixels has no neighbours beside it, and is a vector"
            ])
    }

    // MARK: Numbers

    /// Returns a decay by which the average reaches back over a fiftieth of the steps, with two digits in what it lacks to 1.
    private static func averageDecay(steps: Int) -> Double {
        let missing = min(0.1, max(5e-4, 50 / Double(steps)))
        let unit = pow(10, floor(log10(missing)) - 1)
        return 1 - (missing / unit).rounded() * unit
    }

    private static func percent(_ fraction: Double) -> String { "\(Int((100 * fraction).rounded()))%" }

    /// Returns two digits of a number and zeros, with commas.
    private static func rounded(_ number: Int) -> String {
        var unit = 1
        while number / unit >= 100 { unit *= 10 }
        var words = ""
        for (i, digit) in "\((number + unit / 2) / unit * unit)".reversed().enumerated() {
            words = "\(digit)\(i > 0 && i % 3 == 0 ? "," : "")" + words
        }
        return words
    }
}

/// Settings of the images' side where nothing is said or chosen.
public enum InputDefaults {
    /// Margin of the logit map.
    public static let logitAlpha = 1e-6
}
