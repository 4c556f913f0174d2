/// A minimal filter of two dimensions, one nested in the other: it computes a tile of outputs of a convolution from the tile of
/// inputs that they read.
package struct TileFilter: Sendable, Equatable {
    /// Filter down the columns of a kernel.
    package let rows: MinimalFilter
    /// Filter along its rows.
    package let columns: MinimalFilter

    package init(rows: MinimalFilter, columns: MinimalFilter) {
        self.rows = rows
        self.columns = columns
    }

    /// Number of points, at each of which a tile takes one product: row by row.
    package var points: Int { rows.points * columns.points }

    /// Returns the factor of the kernel's tap at `row` and `column` at each point.
    package func weightFactors(row: Int, column: Int) -> [Float] {
        let across = columns.weightFactors(tap: column)
        return rows.weightFactors(tap: row).flatMap { down in across.map { Float(down * $0) } }
    }

    /// Returns the number of tiles of an image.
    package func tiles(height: Int, width: Int) -> Int {
        (height + rows.outputs - 1) / rows.outputs * ((width + columns.outputs - 1) / columns.outputs)
    }

    /// Number of multiply-adds, additions and multiplications of the transforms of one tile, from `inputs` channels and to
    /// `outputs`.
    func transformOperations(inputs: Int, outputs: Int) -> Int {
        inputs * (rows.points * columns.inputOperations + columns.points * rows.inputOperations)
            + outputs * (columns.points * rows.outputOperations + rows.outputs * columns.outputOperations)
    }

    /// Returns the number of multiply-adds that the products of an image take.
    package func multiplyAdds(height: Int, width: Int, inputs: Int, outputs: Int) -> Int {
        tiles(height: height, width: width) * points * inputs * outputs
    }

    /// Multiply-adds in the time of one operation of a transform, which goes through memory, and in that of reading one weight from
    /// beyond the second-level cache. Both measured on Zen 3.
    private static let (operationCost, weightCost) = (2, 2)

    /// Cost of the convolution of an image, in multiply-adds: what is done, and the time that transforms and the reading of
    /// weights take besides.
    package func cost(height: Int, width: Int, inputs: Int, outputs: Int) -> Int {
        multiplyAdds(height: height, width: width, inputs: inputs, outputs: outputs)
            + Self.operationCost * tiles(height: height, width: width)
            * transformOperations(inputs: inputs, outputs: outputs)
            + Self.weightCost * points * inputs * outputs
    }

    /// Returns the filter of least cost for kernels of `rows` × `columns` pixels; nil where all cost more than the kernel itself, which
    /// takes `direct` multiply-adds, or where the kernel is one pixel wide or high, has more taps than there are points, or reads no multiple of 16 channels.
    package static func best(
        rows: Int, columns: Int, height: Int, width: Int, inputs: Int, outputs: Int, direct: Int
    ) -> TileFilter? {
        guard rows > 1, columns > 1, inputs % 16 == 0 else { return nil }
        func filters(_ taps: Int) -> [MinimalFilter] {
            MinimalFilter.pointCounts.filter { $0 > taps }.map { MinimalFilter(points: $0, taps: taps) }
        }
        let all = filters(rows).flatMap { down in filters(columns).map { TileFilter(rows: down, columns: $0) } }
        func cost(_ filter: TileFilter) -> Int {
            filter.cost(height: height, width: width, inputs: inputs, outputs: outputs)
        }
        // the first of several: the one with the fewest points, whose error is the smallest
        guard let best = all.min(by: { cost($0) < cost($1) }), cost(best) < direct else { return nil }
        return best
    }
}
