import FlowCore
import FlowModels
import FoundationEssentials

/// A flow with weights, inputs and everything that follows from them, by PyTorch in double precision:
/// Tests/Goldens.
struct Golden: Decodable {
    /// A row-major array and its shape.
    struct Array: Decodable {
        let shape: [Int]
        let values: [Double]

        var floats: [Float] { values.map { Float($0) } }
        var matrix: Matrix { Matrix(rows: shape[0], columns: shape[1], elements: floats) }
    }

    let dims: Int
    /// Height, width and channels of a flow of images; without it 1, ``dims`` and 1.
    let shape: [Int]?
    let sizes: Sizes
    let parameters: [String: Array]
    let x: Array
    let z: Array
    let logDet: Array
    let logProb: Array
    let latents: Array
    let decoded: Array
    /// Of the mean negative log-density of ``x``, by parameter.
    let gradients: [String: Array]
    let learningRate: Float
    /// That mean before and after each Adam step.
    let losses: [Double]

    enum CodingKeys: String, CodingKey {
        case dims, shape, parameters, x, z, latents, decoded, gradients, losses
        case sizes = "hyper_parameters"
        case logDet = "log_det"
        case logProb = "log_prob"
        case learningRate = "learning_rate"
    }

    /// - Throws: ``GoldenError/badShape(_:dims:)`` for sides that are not three or do not give ``dims``.
    var eventShape: EventShape {
        get throws {
            let sides = shape ?? [1, dims, 1]
            guard sides.count == 3, sides.reduce(1, *) == dims else { throw GoldenError.badShape(sides, dims: dims) }
            return EventShape(height: sides[0], width: sides[1], channels: sides[2])
        }
    }

    /// The flow that the fixture describes, with its weights.
    func flow<Flow: FlowArchitecture>(_ type: Flow.Type) throws -> Flow {
        var flow = try Flow(shape: eventShape, sizes: sizes, seed: 0)
        try flow.visitParameters { info, values in
            guard let array = parameters[info.name], array.shape == info.shape else {
                throw GoldenError.noParameter(info.name, info.shape)
            }
            values = array.floats
        }
        return flow
    }
}

/// `preprocessing.json`.
struct PreprocessingGolden: Decodable {
    struct Case: Decodable {
        let levels: Int
        let alpha: Double
        let pixels: [UInt8]
        let noise: [Float]
        let w: [Double]
        let logDet: Double
        /// `log p(y)` in nats when `w` is standard normal.
        let logProb: Double
        let bitsPerDim: Double

        enum CodingKeys: String, CodingKey {
            case levels, alpha, pixels, noise, w
            case logDet = "log_det"
            case logProb = "log_prob"
            case bitsPerDim = "bits_per_dim"
        }
    }

    let cases: [Case]
}

enum GoldenError: Error {
    /// The fixture has no parameter of this name and shape.
    case noParameter(String, [Int])
    case badShape([Int], dims: Int)
}

/// Bytes of a file in `Fixtures`.
func fixture(_ name: String) throws -> Data {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try Data(contentsOf: folder.appending(path: "Fixtures").appending(path: name))
}

/// Decodes a JSON file in `Fixtures`.
func decodedFixture<Document: Decodable>(_ name: String) throws -> Document {
    try JSONDecoder().decode(Document.self, from: fixture(name))
}

/// Largest `|actual − expected| / max(1, |expected|)`; infinite when the counts differ or a value is not finite.
func worstGap(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    return zip(actual, expected).reduce(0) { worst, pair in
        let gap = abs(pair.0 - pair.1) / max(1, abs(pair.1))
        return gap.isFinite ? max(worst, gap) : .infinity
    }
}
