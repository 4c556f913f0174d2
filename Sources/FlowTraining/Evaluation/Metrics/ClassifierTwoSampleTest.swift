import FlowCore
import FlowKernels
import FlowLayers
import Glibc
import System

/// Classifier two-sample test: the accuracy of a small network that tells samples from real images, on images that it was not
/// trained on.
///
/// The accuracy is 0.5 where both are of one distribution. The network has one hidden layer of ReLU units and is fitted anew for
/// each of five folds, of which every image is in one.
///
/// Source: Lopez-Paz, Oquab, *Revisiting Classifier Two-Sample Tests* (2017), §3, arXiv:1610.06545.
public struct ClassifierTwoSampleTest: Sendable, Codable, Equatable {
    /// Fraction of images that were classified right, over all folds.
    public var accuracy: Double
    /// Binomial standard error of ``accuracy``.
    public var standardError: Double
    /// Probability that guessing is right as often, by the normal approximation.
    public var pValue: Double

    enum CodingKeys: String, CodingKey {
        case accuracy
        case standardError = "standard_error"
        case pValue = "p_value"
    }

    static let folds = 5

    package init(_ samples: ImageSample, _ real: ImageSample, seed: UInt64, threads: Int) throws {
        let count = min(samples.count, real.count)
        precondition(count >= Self.folds)
        // as many of each, standardised together
        let all = samples.subset(0..<count).joined(real.subset(0..<count)).standardized
        let labels = (0..<2 * count).map { $0 < count ? Float(1) : -1 }
        var source = RandomStream(seed: seed, stream: 0)
        let order = source.permutation(of: count)
        let right = try mapInParallel(Self.folds, threads: threads) { fold in
            // a sample and a real image at a time, so that folds are balanced
            let isHeldOut = (0..<count).map { $0 % Self.folds == fold }
            func images(_ heldOut: Bool) -> [Int] {
                order.indices.filter { isHeldOut[$0] == heldOut }.flatMap { [order[$0], count + order[$0]] }
            }
            var network = Discriminator(dims: all.columns, seed: seed, stream: UInt64(1 + fold))
            let train = images(false)
            network.fit(all, labels, train, seed: seed, stream: UInt64(101 + fold))
            let held = images(true)
            return zip(network.scores(all, held), held).count { ($0 > 0) == (labels[$1] > 0) }
        }.reduce(0, +)
        let n = Double(2 * count)
        accuracy = Double(right) / n
        standardError = (accuracy * (1 - accuracy) / n).squareRoot()
        pValue = 0.5 * erfc((accuracy - 0.5) * n.squareRoot() * 2 / 2.0.squareRoot())
    }
}

extension ImageSample {
    /// Points with mean 0 and variance 1 in every dimension that varies, `[count, D]`.
    fileprivate var standardized: Matrix {
        var result = points
        for j in 0..<points.columns {
            let column = (0..<count).map { Double(points[$0, j]) }
            let mean = column.reduce(0, +) / Double(count)
            let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
            let scale = variance > 1e-12 ? 1 / variance.squareRoot() : 0
            for r in 0..<count { result[r, j] = Float((column[r] - mean) * scale) }
        }
        return result
    }
}

/// `w₂ · relu(W₁ x + b₁) + b₂`, fitted to labels ±1 by the logistic loss and Adam with weight decay.
private struct Discriminator {
    private static let hidden = 64
    private static let epochs = 30
    private static let batch = 64

    private var layers: [TriangularLinear]
    private var moments: [(first: [Float], second: [Float], average: [Float])]
    private var steps = 0

    init(dims: Int, seed: UInt64, stream: UInt64) {
        var random: RandomStream? = RandomStream(seed: seed, stream: stream)
        layers = [
            TriangularLinear(inputs: dims, reach: Array(repeating: dims, count: Self.hidden), random: &random),
            TriangularLinear(inputs: Self.hidden, reach: [Self.hidden], random: &random),
        ]
        moments = layers.flatMap { layer in
            [layer.weights.count, layer.biases.count].map { count in
                let zeros = [Float](repeating: 0, count: count)
                return (zeros, zeros, zeros)
            }
        }
    }

    private func rows(_ x: Matrix, _ indices: some Collection<Int>) -> UnitMajor {
        UnitMajor(
            Matrix(
                rows: indices.count, columns: x.columns,
                elements: indices.flatMap { x.elements[$0 * x.columns..<($0 + 1) * x.columns] }))
    }

    func scores(_ x: Matrix, _ indices: [Int]) -> [Float] {
        let hidden = layers[0].forward(rows(x, indices))
        return Array(layers[1].forward(rectified(hidden)).elements.prefix(indices.count))
    }

    private func rectified(_ values: UnitMajor) -> UnitMajor {
        var result = values
        Kernels.best.activate(
            .relu, x: &result.elements, offset: 0, rows: 1, columns: result.elements.count,
            stride: result.elements.count)
        return result
    }

    mutating func fit(_ x: Matrix, _ labels: [Float], _ images: [Int], seed: UInt64, stream: UInt64) {
        var source = RandomStream(seed: seed, stream: stream)
        for _ in 0..<Self.epochs {
            let order = source.permutation(of: images.count).map { images[$0] }
            for block in order.count.blocks(of: Self.batch) {
                step(x, labels, Array(order[block]))
            }
        }
    }

    private mutating func step(_ x: Matrix, _ labels: [Float], _ images: [Int]) {
        let input = rows(x, images)
        let before = layers[0].forward(input)
        let hidden = rectified(before)
        let scores = layers[1].forward(hidden)
        // d/ds ln(1 + e^(−ys)) = −y / (1 + e^(ys)), the mean over the batch
        var dScores = UnitMajor(units: 1, rows: images.count)
        for (r, image) in images.enumerated() {
            let y = labels[image]
            dScores.elements[r] = -y / (1 + exp(y * scores.elements[r])) / Float(images.count)
        }
        var dHidden = layers[1].pullBack(dScores)
        var span = dHidden.elements.mutableSpan
        Kernels.best.activationBackward(.relu, x: before.elements.span, dx: &span)
        steps += 1
        for (i, trace) in [
            TriangularLinear.Trace(inputs: input, cotangent: dHidden),
            TriangularLinear.Trace(inputs: hidden, cotangent: dScores),
        ].enumerated() {
            let units = 0..<layers[i].outputs
            var weights = [Float](repeating: 0, count: layers[i].weights.count)
            var weightSpan = weights.mutableSpan
            layers[i].weightGradient(units: units, of: [trace], into: &weightSpan)
            var biases = [Float](repeating: 0, count: layers[i].biases.count)
            var biasSpan = biases.mutableSpan
            layers[i].biasGradient(units: units, of: [trace], into: &biasSpan)
            adam(weights, &layers[i].weights, &moments[2 * i], decay: 1e-2)
            adam(biases, &layers[i].biases, &moments[2 * i + 1], decay: 0)
        }
    }

    private func adam(
        _ gradient: [Float], _ weights: inout [Float],
        _ moments: inout (first: [Float], second: [Float], average: [Float]), decay: Double
    ) {
        let rate = 1e-3
        let numbers = AdamCoefficients(
            firstRate: 0.1, secondRate: 1e-3, step: Float(rate / (1 - pow(0.9, Double(steps)))),
            secondScale: Float(1 / (1 - pow(0.999, Double(steps))).squareRoot()), epsilon: 1e-8, gradientScale: 1,
            keep: Float(1 - rate * decay), averageDecay: 0)
        // arrays of their own for the spans; the tuple lets go of them, so that nothing is copied
        var (first, second, average) = moments
        moments = ([], [], [])
        var m = first.mutableSpan
        var v = second.mutableSpan
        var a = average.mutableSpan
        var w = weights.mutableSpan
        Kernels.best.adamStep(
            numbers, gradient: gradient.span, first: &m, second: &v, weights: &w, average: &a,
            range: 0..<gradient.count)
        moments = (first, second, average)
    }
}
