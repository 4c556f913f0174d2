import FlowCore
import FlowLayers
import FlowModels

/// Quantity that a training of a flow lowers.
public enum TrainingGoal: Sendable {
    /// Negative log-density of the training images, −log p(y).
    case likelihood
    /// Reverse Kullback–Leibler divergence from another density.
    case divergence

    /// Name of the quantity in the curve and on the terminal, which have it in bits/dim.
    public var label: String {
        switch self {
        case .likelihood: "train"
        case .divergence: "kl"
        }
    }
}

/// Objective of a training: how the gradient of what it lowers comes about.
protocol Objective<Flow>: Sendable {
    /// Flow that is trained.
    associatedtype Flow: Bijection
    /// Quantity that is lowered.
    var goal: TrainingGoal { get }
    /// Passes some of a batch's images through the flow and back.
    ///
    /// - Parameter weight: weight of a row in the loss.
    /// - Returns: the value of each row that is to be raised, nats, and a tape that went through the backward pass.
    /// - Throws: what the passes throw.
    func pass(
        _ images: ArraySlice<Int>, epoch: Int, through fitted: Fitted<Flow>, weight: Float
    ) throws -> (values: [Double], tape: Fitted<Flow>.Tape)
}

/// Maximum likelihood: raises `log p(y)` of the training images, with a dequantizer `log p(y) − log q(u | x)`.
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

/// Probability density distillation: raises `log p(x) − log q(x)` of samples of the flow, whose density is `q`, under a teacher's
/// `p`. There is one latent for each training image, with that image's class.
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
