import DataSets
import FlowCore
import FlowModels
import Testing

@testable import FlowTraining

@Suite("What is trained where nothing is said")
struct TrainingChoiceTests {
    static let shapes = [
        EventShape(height: 6, width: 6, channels: 1), EventShape(height: 8, width: 8, channels: 1),
        EventShape(height: 28, width: 28, channels: 1), EventShape(height: 32, width: 32, channels: 3),
        EventShape(height: 64, width: 64, channels: 1), EventShape(height: 33, width: 57, channels: 3),
        EventShape(height: 128, width: 128, channels: 3), EventShape(height: 1, width: 43, channels: 1),
        EventShape(height: 43, width: 1, channels: 3),
    ]

    private func question(
        _ shape: EventShape, images: Int = 3000, classes: Int = 0, extremes: Double = 0.02, seconds: Double = 1200
    ) -> TrainingChoice.Question {
        TrainingChoice.Question(
            shape: shape, images: images, classes: classes, extremes: extremes, processorSeconds: seconds)
    }

    @Test(
        "any images and any time have a choice that can be trained, in bounded memory, the same each time",
        arguments: shapes)
    func everywhere(_ shape: EventShape) throws {
        for images in [1, 100, 3000, 100_000] {
            for seconds in [1, 75, 1200, 100_000.0] {
                for (extremes, classes) in [(0.01, 0), (0.6, 0), (0.01, 10)] {
                    let asked = question(shape, images: images, classes: classes, extremes: extremes, seconds: seconds)
                    let choice = TrainingChoice(asked)
                    #expect(choice == TrainingChoice(asked))
                    try choice.options.validate()
                    let architecture = try #require(FlowRegistry.architecture(named: choice.architecture))
                    #expect(try choice.sizes.resolved(by: architecture.fields) == choice.sizes)
                    #expect(choice.sizes.classes == classes && choice.expectedSteps >= 1)
                    #expect(choice.expectedSteps <= choice.options.epochs * choice.options.steps(of: images))
                    #expect(!choice.reasons.isEmpty && choice.reasons.allSatisfy { $0.count < 120 })
                }
            }
        }
    }

    @Test("the memory of a step stays below 2 GiB on 16 threads", arguments: shapes)
    func memory(_ shape: EventShape) throws {
        func tapes<Flow: FlowArchitecture>(_: Flow.Type, _ choice: TrainingChoice) throws -> Int {
            let flow = try Flow(shape: shape, sizes: choice.sizes, seed: nil)
            return MemoryEstimate.parameters(elements: 0, live: 0, base: 0)
                .adding(flow, options: choice.options, images: 100_000, threads: 16).tapes
        }
        for seconds in [60, 1200, 100_000.0] {
            let choice = TrainingChoice(question(shape, images: 100_000, seconds: seconds))
            let architecture = try #require(FlowRegistry.architecture(named: choice.architecture))
            #expect(try tapes(architecture, choice) < 2 << 30, "\(seconds) s")
        }
    }

    @Test("photographs, textures and silhouettes are told apart by the ends of the scale, and colour by the channels")
    func kinds() throws {
        let colour = TrainingChoice(question(EventShape(height: 32, width: 32, channels: 3)))
        #expect(colour.architecture == "mixture-convolutional" && colour.logitAlpha == 0.05)
        #expect(colour.sizes["predictor"] == 5 && colour.options.batch == 16)
        #expect(colour.options.learningRateFactors == [LearningRateFactor(pattern: "standardize", factor: 0)])
        let shapes = TrainingChoice(question(EventShape(height: 28, width: 28, channels: 1), extremes: 0.9))
        #expect(shapes.architecture == "nsf-convolutional" && shapes.logitAlpha == 1e-5)
        #expect(shapes.options.learningRateFactors.isEmpty)
        let drawings = TrainingChoice(question(EventShape(height: 28, width: 28, channels: 3), extremes: 0.9))
        #expect(drawings.architecture == "mixture-convolutional" && drawings.sizes["predictor"] == 5)
        let vectors = TrainingChoice(question(EventShape(height: 1, width: 43, channels: 1)))
        #expect(vectors.architecture == "nsf-autoregressive")
        let set = ImageDataSet(
            shape: EventShape(height: 2, width: 2, channels: 1), levels: 4, pixels: [0, 1, 3, 2, 2, 1, 3, 3])
        let asked = try TrainingChoice.Question(set, classes: 0, processorSeconds: 5)
        #expect(asked == question(set.shape, images: 2, extremes: 0.5, seconds: 5))
    }

    @Test("more time is for larger networks and more steps, fewer images for smaller ones")
    func grows() throws {
        let shape = EventShape(height: 32, width: 32, channels: 3)
        var before = (weights: 0, steps: 0)
        for seconds in [30, 120, 1200, 36_000.0] {
            let choice = TrainingChoice(question(shape, images: 100_000, seconds: seconds))
            let weights = try #require(MixtureConvolutionalFlow.parameterCount(shape: shape, sizes: choice.sizes))
            #expect(weights > before.weights && choice.expectedSteps > before.steps)
            // by a factor of two at the most the network is not what the time is for
            let aimed = 6000 * (seconds / 1200).squareRoot()
            #expect(Double(choice.expectedSteps) > 0.9 * aimed && Double(choice.expectedSteps) < 4 * aimed)
            before = (weights, choice.expectedSteps)
        }
        let few = TrainingChoice(question(shape, images: 100))
        let many = TrainingChoice(question(shape, images: 3000))
        #expect(
            few.sizes[FlowFields.hidden].count * few.sizes[FlowFields.hidden][0] < many.sizes[FlowFields.hidden].count
                * many.sizes[FlowFields.hidden][0])
        #expect(
            few.reasons.contains { $0.contains("so few images teach") }
                && few.reasons.contains { $0.contains("300 epochs") })
        #expect(!many.reasons.contains { $0.contains("few images") })
    }

    @Test("the moving average reaches over a fiftieth of the steps")
    func average() {
        let shape = EventShape(height: 32, width: 32, channels: 3)
        let choice = TrainingChoice(question(shape))
        let reach = 1 / (1 - choice.options.averageDecay)
        #expect(reach > Double(choice.expectedSteps) / 60 && reach < Double(choice.expectedSteps) / 40)
        #expect(TrainingChoice(question(shape, seconds: 1)).options.averageDecay == 0.9)
    }
}
