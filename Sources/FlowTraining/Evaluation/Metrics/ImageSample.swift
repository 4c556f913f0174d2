public import DataSets
public import FlowCore
import FlowKernels
import System

/// Images as points: rows of numbers, level over highest level, and what the metrics ask of pairs of them.
public struct ImageSample: Sendable {
    /// `[count, D]`, values in `[0, 1]` for images.
    public let points: Matrix
    /// `|x|²` of each point.
    let squares: [Float]

    public var count: Int { points.rows }

    public init(_ points: Matrix) {
        self.points = points
        let dims = points.columns
        squares = (0..<points.rows).map {
            Float(Kernels.best.sumOfSquares(points.elements.span, range: $0 * dims..<($0 + 1) * dims))
        }
    }

    /// Images of `levels` levels.
    public init(images: [[UInt8]], levels: Int) {
        precondition(!images.isEmpty)
        let scale = 1 / Float(levels - 1)
        self.init(
            Matrix(
                rows: images.count, columns: images[0].count,
                elements: images.flatMap { $0.map { Float($0) * scale } }))
    }

    /// The points of some indices.
    func subset(_ indices: some Collection<Int>) -> ImageSample {
        let dims = points.columns
        return ImageSample(
            Matrix(
                rows: indices.count, columns: dims,
                elements: indices.flatMap { points.elements[$0 * dims..<($0 + 1) * dims] }))
    }

    /// The points of `self`, then those of `other`.
    func joined(_ other: ImageSample) -> ImageSample {
        precondition(points.columns == other.points.columns)
        return ImageSample(
            Matrix(
                rows: count + other.count, columns: points.columns,
                elements: points.elements + other.points.elements))
    }

    /// `|x − y|²` of each point `x` of `rows` and every point `y` of `other`: `[rows.count, other.count]`.
    ///
    /// By `|x|² + |y|² − 2x·y`, so that all but rounding is one product; never below 0.
    /// - Parameter transposed: `other` by dimension.
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

    /// `[D, count]`.
    private var byDimension: [Float] {
        var turned = [Float](repeating: 0, count: points.elements.count)
        Kernels.best.transpose(
            points.elements, Operand(step: points.columns), to: &turned, Operand(step: count), rows: count,
            columns: points.columns)
        return turned
    }

    /// Calls `body` with some rows of the distances to `other` at a time, on several threads; results in order.
    func mapDistances<Value>(
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
    /// Levels of `count` images chosen at random, each image at most once; all if there are fewer.
    public func chosen(_ count: Int, seed: UInt64) -> [[UInt8]] {
        var source = RandomStream(seed: seed, stream: 0)
        return source.permutation(of: self.count).prefix(count).map { Array(self[$0]) }
    }
}
