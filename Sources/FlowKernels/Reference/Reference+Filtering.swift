extension Reference {
    /// Applies a filter's input transform to one tile, `[rows.points][columns.points]`, the twin of
    /// ``Kernels/inputTiles(_:_:_:channels:to:_:)``.
    package static func input(_ filter: TileFilter, _ tile: [[Double]]) -> [[Double]] {
        product(product(filter.rows.inputFactors, tile), transposed(filter.columns.inputFactors))
    }

    /// Applies a filter's output transform to one tile of products, the twin of
    /// ``Kernels/outputTiles(_:_:_:channels:bias:to:_:)``.
    package static func output(_ filter: TileFilter, _ products: [[Double]]) -> [[Double]] {
        product(product(filter.rows.outputFactors, products), transposed(filter.columns.outputFactors))
    }

    /// Applies the transpose of the output transform, the twin of ``Kernels/spreadTiles(_:_:_:channels:to:_:)``.
    package static func spread(_ filter: TileFilter, _ tile: [[Double]]) -> [[Double]] {
        product(product(transposed(filter.rows.outputFactors), tile), filter.columns.outputFactors)
    }

    private static func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        a.map { row in b[0].indices.map { j in row.indices.reduce(0) { $0 + row[$1] * b[$1][j] } } }
    }

    private static func transposed(_ a: [[Double]]) -> [[Double]] { a[0].indices.map { j in a.map { $0[j] } } }
}
