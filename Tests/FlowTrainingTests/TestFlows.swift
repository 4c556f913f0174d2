import DataSets
import FlowCore
import FlowModels
import FlowTraining
import FoundationEssentials
import Testing

/// The identity with a given log-det.
struct PackedIdentity: PackedBijection {
    var dims: Int
    var logDet: Float = 0

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        for r in 0..<tile.rows { tile.logDet[r] += logDet }
    }
    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        for r in 0..<tile.rows { tile.logDet[r] -= logDet }
    }
}

/// Parameters of any shape and no effect: for optimisers.
struct PlainParameters: Bijection {
    var shapes: [[Int]]
    var arrays: [[Float]]
    var reaches: [[Int]?]
    /// Numbers of the arrays that are never trained.
    var fixed: Set<Int> = []

    init(_ arrays: [(shape: [Int], values: [Float])]) {
        shapes = arrays.map(\.shape)
        self.arrays = arrays.map(\.values)
        reaches = Array(repeating: nil, count: arrays.count)
    }

    var dims: Int { 1 }
    var forwardOrder: ExecutionOrder { .parallel }
    var inverseOrder: ExecutionOrder { .parallel }
    func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedIdentity(dims: 1) }
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Int) {
        (x, Array(repeating: 0, count: x.rows), 0)
    }
    func tapeBytes(rows: Int) -> Int { 0 }
    func backward(_ cotangent: Cotangent, through tape: inout Int) -> Matrix { cotangent.dz }
    func visitGradients(of tapes: [Int], _ body: (ParameterGradient) -> Void) {
        for info in infos {
            body(ParameterGradient(info: info) { _, gradient in for i in 0..<gradient.count { gradient[i] = 0 } })
        }
    }
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        for (i, info) in infos.enumerated() { try body(info, &arrays[i]) }
    }
    var infos: [ParameterInfo] {
        arrays.indices.map {
            ParameterInfo(name: "\($0)", shape: shapes[$0], reach: reaches[$0], isFixed: fixed.contains($0))
        }
    }
}

/// The identity with one parameter that each step of Adam moves up by the learning rate. Past `limit` its log-det is
/// NaN.
struct FragileFlow: FlowArchitecture {
    static let architectureName = "fragile"
    static let fields: [any SizeDescription] = []
    static let limit: Float = 0.05

    var dims: Int
    var level: [Float] = [0]

    init(shape: EventShape, sizes: Sizes, seed: UInt64?) { dims = shape.dims }
    static func parameterCount(shape: EventShape, sizes: Sizes) -> Int? { 1 }
    mutating func initialize(from x: Matrix) {}

    var forwardOrder: ExecutionOrder { .parallel }
    var inverseOrder: ExecutionOrder { .parallel }
    private var logDet: Float { level[0] > Self.limit ? .nan : 0 }
    func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedIdentity(dims: dims, logDet: logDet) }
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Int) {
        (x, Array(repeating: logDet, count: x.rows), 0)
    }
    func tapeBytes(rows: Int) -> Int { 0 }
    func backward(_ cotangent: Cotangent, through tape: inout Int) -> Matrix { cotangent.dz }
    func visitGradients(of tapes: [Int], _ body: (ParameterGradient) -> Void) {
        body(ParameterGradient(info: ParameterInfo(name: "level", shape: [1])) { _, gradient in gradient[0] = -1 })
    }
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try body(ParameterInfo(name: "level", shape: [1]), &level)
    }
}

/// Two pixels, `a` normal around 128 with standard deviation 20 and `b` around `64 + a/2` with 8, rounded.
enum PairImages {
    static let shape = EventShape(height: 1, width: 2, channels: 1)
    /// Entropies of the rounded normals, `log2(σ √(2πe))` each, over 2; bits/dim. Nothing can do better.
    static let entropy = (6.3690 + 5.0471) / 2
    /// What a model reaches that takes the pixels for independent: `b` alone has the standard deviation √164.
    static let independent = (6.3690 + 5.7258) / 2

    static func set(count: Int, seed: UInt64) -> ImageDataSet {
        var source = RandomStream(seed: seed, stream: 99)
        let pixels = (0..<count).flatMap { _ in
            let a = (128 + 20 * source.normal()).rounded()
            let b = (64 + a / 2 + 8 * source.normal()).rounded()
            return [a, b].map { UInt8(min(max($0, 0), 255)) }
        }
        return ImageDataSet(shape: shape, levels: 256, pixels: pixels)
    }
}

/// A folder that is gone after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

func pairTrainer(
    _ options: TrainingOptions, train: ImageDataSet = PairImages.set(count: 200, seed: 1), threads: Int = 2,
    alpha: Double = 1e-3
) throws -> Trainer<MaskedAutoregressiveFlow> {
    try Trainer(
        sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3], train: train,
        validation: PairImages.set(count: 100, seed: 2), preprocessing: Preprocessing(levels: 256, logitAlpha: alpha),
        options: options, threads: threads)
}

func fragileTrainer(_ options: TrainingOptions) throws -> Trainer<FragileFlow> {
    try Trainer(
        sizes: ["layers": 1, "hidden": [1], "log_scale_bound": 1],
        train: PairImages.set(count: 40, seed: 1), validation: PairImages.set(count: 10, seed: 2),
        preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options, threads: 1)
}
