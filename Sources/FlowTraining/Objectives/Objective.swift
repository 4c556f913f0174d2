import FlowCore
import FlowLayers
import FlowModels

/// What a training of a flow is about.
public enum TrainingGoal: Sendable {
    /// −log p(y) of the training images is lowered.
    case likelihood
    /// The reverse Kullback–Leibler divergence from another density is lowered.
    case divergence

    /// In the curve and on the terminal: what is lowered, in bits/dim.
    public var label: String {
        switch self {
        case .likelihood: "train"
        case .divergence: "kl"
        }
    }
}

/// How the gradient of what a training lowers comes about.
protocol Objective<Flow>: Sendable {
    associatedtype Flow: Bijection
    var goal: TrainingGoal { get }
    /// Some of a batch's images through the flow and back.
    ///
    /// - Parameter weight: of a row in the loss.
    /// - Returns: what is to be raised of each row, nats, and a tape that went through the backward pass.
    func pass(
        _ images: ArraySlice<Int>, epoch: Int, through fitted: Fitted<Flow>, weight: Float
    ) throws -> (values: [Double], tape: Fitted<Flow>.Tape)
}

/// `log p(y)` of the training images; with a dequantizer `log p(y) − log q(u | x)`.
struct MaximumLikelihood<Flow: Bijection>: Objective {
    let train: RowPreparation
    var goal: TrainingGoal { .likelihood }

    func pass(
        _ images: ArraySlice<Int>, epoch: Int, through fitted: Fitted<Flow>, weight: Float
    ) throws -> (values: [Double], tape: Fitted<Flow>.Tape) {
        var rows = try train.training(
            images, epoch: epoch, noise: fitted.dequantizer.map { .learning($0) } ?? .uniform)
        var (z, logDet, tape) = try fitted.flow.forwardTaped(rows.x, context: rows.context)
        let dx = fitted.flow.backward(Cotangent(ofLogProb: z, weight: weight), through: &tape)
        rows.noise?.backward(dx, weight: weight)
        return (rows.logProbs(z: z, logDet: logDet), Fitted.Tape(flow: tape, dequantizer: rows.noise?.tape))
    }
}

/// `log p(x) − log q(x)` of samples of the flow, whose density is `q`, under a teacher's `p`: one latent for each training
/// image, with that image's class.
struct Distillation<Flow: Reversible>: Objective {
    let teacher: FlowDensity
    let train: RowPreparation
    var goal: TrainingGoal { .divergence }

    func pass(
        _ entries: ArraySlice<Int>, epoch: Int, through fitted: Fitted<Flow>, weight: Float
    ) throws -> (values: [Double], tape: Fitted<Flow>.Tape) {
        let dims = fitted.dims
        var z = Matrix(rows: entries.count, columns: dims)
        var span = z.elements.mutableSpan
        for (r, entry) in entries.enumerated() {
            RandomStream.normals(
                seed: train.options.seed, stream: TrainingStream.latent.stream(epoch: epoch, entry: entry), to: &span,
                offset: r * dims, count: dims)
        }
        let (values, tape) = try reverseDivergence(
            of: fitted.flow, from: teacher, z, context: train.context(entries), weight: weight)
        return (values, Fitted.Tape(flow: tape))
    }
}
