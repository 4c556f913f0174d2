public import DataSets
public import FlowCore
import FlowKernels
import System

/// Images as points: rows of numbers, level over highest level, and what the metrics ask of pairs of them.
public struct ImageSample: Sendable {
    /// Coordinates of the points, `[count, D]`; in `[0, 1]` for images.
    public let points: Matrix
    /// Squared length `|x|²` of each point, `[count]`.
    let squares: [Float]

    /// Number of points.
    public var count: Int { points.rows }

    /// Takes points as they are, `[count, D]`.
    public init(_ points: Matrix) {
        self.points = points
        let dims = points.columns
        squares = (0..<points.rows).map {
            Float(Kernels.best.sumOfSquares(points.elements.span, range: $0 * dims..<($0 + 1) * dims))
        }
    }

    /// Takes images, `[D]` each, of values `0 ..< levels`; at least one.
    public init(images: [[UInt8]], levels: Int) {
        precondition(!images.isEmpty)
        let scale = 1 / Float(levels - 1)
        self.init(
            Matrix(
                rows: images.count, columns: images[0].count,
                elements: images.flatMap { $0.map { Float($0) * scale } }))
    }

    /// Returns the points of some indices, in their order.
    package func subset(_ indices: some Collection<Int>) -> ImageSample {
        let dims = points.columns
        return ImageSample(
            Matrix(
                rows: indices.count, columns: dims,
                elements: indices.flatMap { points.elements[$0 * dims..<($0 + 1) * dims] }))
    }

    /// Returns the points of `self`, then those of `other`.
    func joined(_ other: ImageSample) -> ImageSample {
        precondition(points.columns == other.points.columns)
        return ImageSample(
            Matrix(
                rows: count + other.count, columns: points.columns,
                elements: points.elements + other.points.elements))
    }

    /// Computes `|x − y|²` of each point `x` of `rows` and every point `y` of `other`: `[rows.count, other.count]`.
    ///
    /// It is made as `|x|² + |y|² − 2x·y`, in which nearly all the work is one product, and is never below 0.
    /// - Parameter transposed: points of `other` by dimension, `[D, other.count]`.
    private func squaredDistances(_ rows: Range<Int>, to other: ImageSample, _ transposed: [Float]) -> [Float] {
        precondition(points.columns == other.points.columns && !rows.isEmpty)
        let dims = points.columns
        let columns = other.count
        var products = [Float](repeating: 0, count: rows.count * columns)
        var span = products.mutableSpan
        Kernels.best.product(
            transposed.span, Operand(step: columns), points.elements.span,
            Operand(offset: rows.lowerBound * dims, step: 1, stride: dims), lanes: columns, count: rows.count,
            depth: dims, c: &span, Operand(step: columns))
        for r in 0..<rows.count {
            for c in 0..<columns {
                let i = r * columns + c
                span[i] = max(0, squares[rows.lowerBound + r] + other.squares[c] - 2 * span[i])
            }
        }
        return products
    }

    /// Points by dimension, `[D, count]`.
    private var byDimension: [Float] {
        var turned = [Float](repeating: 0, count: points.elements.count)
        Kernels.best.transpose(
            points.elements, Operand(step: points.columns), to: &turned, Operand(step: count), rows: count,
            columns: points.columns)
        return turned
    }

    /// Calls `body` on several threads with the squared distances of some points to all of `other`, `[points, other.count]`, and
    /// returns its values in the order of the points.
    package func mapDistances<Value>(
        to other: ImageSample, threads: Int, _ body: (Range<Int>, [Float]) -> [Value]
    ) throws -> [Value] {
        let transposed = other.byDimension
        let blocks = count.blocks(of: 128)
        return try mapInParallel(blocks.count, threads: threads) { b in
            body(blocks[b], squaredDistances(blocks[b], to: other, transposed))
        }.flatMap { $0 }
    }
}

extension ImageDataSet {
    /// Chooses `count` images at random, each at most once, all if there are fewer, and returns the levels of each, `[D]`.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    public func chosen(_ count: Int, seed: UInt64) throws(DataError) -> [[UInt8]] {
        var source = RandomStream(seed: seed, stream: 0)
        return try source.permutation(of: self.count).prefix(count).map { index throws(DataError) in try self[index] }
    }
}
