import FlowCore
import FlowKernels
import System

/// Sliced Wasserstein distance of order 2 between two samples of the same size: the root mean square, over random
/// directions, of the differences between the sorted projections.
///
/// Source: Bonneel et al., *Sliced and Radon Wasserstein Barycenters of Measures* (2015), §2.3.
package enum SlicedWasserstein {
    /// Number of random directions.
    static let directions = 512

    /// Computes the distance, about `|v|/√D` where one sample is the other moved by a vector `v`.
    package static func distance(_ x: ImageSample, _ y: ImageSample, seed: UInt64, threads: Int) throws -> Double {
        precondition(x.count == y.count && x.points.columns == y.points.columns)
        let squares = try mapInParallel(directions, threads: threads) { d in
            let direction = unitVector(x.points.columns, seed: seed, index: d)
            let (a, b) = (projected(x, direction), projected(y, direction))
            return zip(a, b).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / Double(x.count)
        }
        return (squares.reduce(0, +) / Double(directions)).squareRoot()
    }

    private static func unitVector(_ dims: Int, seed: UInt64, index: Int) -> [Float] {
        var vector = [Float](repeating: 0, count: dims)
        var span = vector.mutableSpan
        RandomStream.normals(seed: seed, stream: UInt64(index), to: &span, count: dims)
        let length = Float(Kernels.best.sumOfSquares(vector.span, range: 0..<dims).squareRoot())
        return vector.map { $0 / length }
    }

    private static func projected(_ x: ImageSample, _ direction: [Float]) -> [Float] {
        let dims = x.points.columns
        var values = [Float](repeating: 0, count: x.count)
        var span = values.mutableSpan
        Kernels.best.product(
            direction.span, Operand(step: 1), x.points.elements.span, Operand(step: 1, stride: dims), lanes: 1,
            count: x.count, depth: dims, c: &span, Operand(step: 1))
        return values.sorted()
    }
}

/// Sliced Wasserstein distance of samples from held-out images, with a yardstick: the one between two halves of the held-out
/// images. Both are taken between sets of the same size, since finite samples alone make a distance.
public struct SlicedWassersteinComparison: Sendable, Codable, Equatable {
    /// Distance of samples from held-out images, the mean of first half against first half and second against second; the unit is a
    /// pixel's range.
    public var distance: Double
    /// Distance between the two halves of the held-out images; the unit is a pixel's range.
    public var betweenRealHalves: Double

    enum CodingKeys: String, CodingKey {
        case distance
        case betweenRealHalves = "between_real_halves"
    }

    init(_ samples: ImageSample, _ real: ImageSample, seed: UInt64, threads: Int) throws {
        let half = min(samples.count, real.count) / 2
        precondition(half > 0)
        func halves(_ all: ImageSample) -> [ImageSample] { [all.subset(0..<half), all.subset(half..<2 * half)] }
        let (x, y) = (halves(samples), halves(real))
        func distance(_ a: ImageSample, _ b: ImageSample) throws -> Double {
            try SlicedWasserstein.distance(a, b, seed: seed, threads: threads)
        }
        self.distance = try (distance(x[0], y[0]) + distance(x[1], y[1])) / 2
        betweenRealHalves = try distance(y[0], y[1])
    }
}
