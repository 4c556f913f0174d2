import FlowCore
import FlowKernels
import Glibc
import System

/// Maximum mean discrepancy of two samples, with the kernel two-sample test of whether they are of one distribution.
///
///     MMD² = mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y)      over pairs of different points
///
/// with `k(x, y) = exp(−|x − y|²/(2σ²))`, `σ` the median distance between points of both samples. The estimate is unbiased,
/// and so below zero about half of the time when there is no difference.
///
/// Source: Gretton et al., *A Kernel Two-Sample Test* (JMLR 2012), lemma 6, eq. 3; §8 for the bandwidth.
public struct MaximumMeanDiscrepancy: Sendable, Codable, Equatable {
    /// Estimate of MMD², without unit.
    public var squared: Double
    /// Bandwidth `σ` of the kernel, a distance between points with coordinates in `[0, 1]`.
    public var bandwidth: Double
    /// Fraction of random divisions of the joined sample into two whose estimate is as large, the observed one among them:
    /// small if the samples differ.
    public var pValue: Double

    enum CodingKeys: String, CodingKey {
        case squared
        case bandwidth
        case pValue = "p_value"
    }

    /// Number of divisions that are drawn for the p-value, whose least value is `1/(permutations + 1)`.
    package static let permutations = 500

    package init(_ x: ImageSample, _ y: ImageSample, bandwidth given: Double? = nil, seed: UInt64, threads: Int) throws
    {
        precondition(x.count > 1 && y.count > 1)
        let all = x.joined(y)
        let n = all.count
        var kernel = try all.mapDistances(to: all, threads: threads) { $1 }
        let bandwidth = given ?? Self.median(kernel, n)
        let scale = bandwidth > 0 ? Float(-1 / (2 * bandwidth * bandwidth)) : 0
        for i in kernel.indices { kernel[i] *= scale }
        let exponents = kernel
        var span = kernel.mutableSpan
        Kernels.best.apply(.exp, from: exponents.span, to: &span, count: n * n)
        // pairs of a point with itself do not count
        for i in 0..<n { span[i * n + i] = 0 }

        // One column for each division: 1 where a point belongs to the first part. The first is what was observed.
        let divisions = Self.permutations + 1
        let lanes = (divisions + 15) / 16 * 16
        var member = [Float](repeating: 0, count: n * lanes)
        for i in 0..<x.count { member[i * lanes] = 1 }
        for d in 1..<divisions {
            var source = RandomStream(seed: seed, stream: UInt64(d))
            for i in source.permutation(of: n).prefix(x.count) { member[i * lanes + d] = 1 }
        }
        let blocks = n.blocks(of: 256)
        let parts = try mapInParallel(blocks.count, threads: threads) { b in
            Self.sums(kernel, n, member, lanes, divisions, blocks[b])
        }
        let total = parts.reduce(0) { $0 + $1.total }
        let estimates = (0..<divisions).map { d in
            let within = parts.reduce(0) { $0 + $1.within[d] }
            let touching = parts.reduce(0) { $0 + $1.touching[d] }
            return Self.estimate(within: within, touching: touching, total: total, x.count, y.count)
        }
        squared = estimates[0]
        self.bandwidth = bandwidth
        pValue = Double(estimates.count { $0 >= estimates[0] }) / Double(divisions)
    }

    /// Estimates MMD² from sums of k over ordered pairs: inside the first part (`within`), with the first of a pair there (`touching`),
    /// and over all (`total`).
    private static func estimate(within: Double, touching: Double, total: Double, _ n: Int, _ m: Int) -> Double {
        let between = touching - within
        let second = total - touching - between
        return within / Double(n * (n - 1)) + second / Double(m * (m - 1)) - 2 * between / Double(n * m)
    }

    /// Sums some rows of the kernel, for every division.
    private static func sums(
        _ kernel: [Float], _ n: Int, _ member: [Float], _ lanes: Int, _ divisions: Int, _ rows: Range<Int>
    ) -> (within: [Double], touching: [Double], total: Double) {
        var withFirst = [Float](repeating: 0, count: rows.count * lanes)
        var span = withFirst.mutableSpan
        Kernels.best.product(
            member.span, Operand(step: lanes), kernel.span, Operand(offset: rows.lowerBound * n, step: 1, stride: n),
            lanes: lanes, count: rows.count, depth: n, c: &span, Operand(step: lanes))
        var within = [Double](repeating: 0, count: divisions)
        var touching = within
        var total = 0.0
        for r in 0..<rows.count {
            let i = rows.lowerBound + r
            let sum = kernel[i * n..<(i + 1) * n].reduce(0.0) { $0 + Double($1) }
            total += sum
            for d in 0..<divisions where member[i * lanes + d] == 1 {
                within[d] += Double(withFirst[r * lanes + d])
                touching[d] += sum
            }
        }
        return (within, touching, total)
    }

    /// Returns the median distance between different points, given all squared distances, `[n, n]`.
    private static func median(_ squared: [Float], _ n: Int) -> Double {
        var values: [Float] = []
        values.reserveCapacity(n * (n - 1) / 2)
        for i in 0..<n { values += squared[i * n + i + 1..<(i + 1) * n] }
        values.sort()
        return Double(values[values.count / 2]).squareRoot()
    }
}
