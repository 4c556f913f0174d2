import FlowCore
import FlowKernels

/// Runs `body` over tiles of exactly ``tileRows`` rows, the last padded with zeros, so that no kernel path depends on
/// how many rows arrived: a row's result has the same bits alone and in any batch.
///
/// `body` takes a row-major tile and returns one with its log-dets.
func overRowTiles(
    _ x: Matrix, _ body: (Matrix) throws -> (Matrix, [Float])
) rethrows -> (Matrix, [Float]) {
    var y = Matrix(rows: x.rows, columns: x.columns)
    var logDet = [Float](repeating: 0, count: x.rows)
    for first in stride(from: 0, to: x.rows, by: tileRows) {
        let rows = min(tileRows, x.rows - first)
        let cells = first * x.columns..<(first + rows) * x.columns
        var tile = Matrix(rows: tileRows, columns: x.columns)
        tile.elements.replaceSubrange(0..<cells.count, with: x.elements[cells])
        let (result, tileLogDet) = try body(tile)
        y.elements.replaceSubrange(cells, with: result.elements[0..<cells.count])
        logDet.replaceSubrange(first..<first + rows, with: tileLogDet[0..<rows])
    }
    return (y, logDet)
}

extension Matrix {
    /// Columns `columns` of this matrix as unit-major rows: `[columns.count, rows]`.
    func unitMajor(_ columns: [Int]) -> [Float] {
        var units = [Float](repeating: 0, count: columns.count * rows)
        for (unit, column) in columns.enumerated() {
            for r in 0..<rows {
                units[unit * rows + r] = elements[r * self.columns + column]
            }
        }
        return units
    }

    /// Puts unit-major rows back into columns `columns`.
    mutating func setColumns(_ columns: [Int], unitMajor units: [Float]) {
        precondition(units.count == columns.count * rows)
        for (unit, column) in columns.enumerated() {
            for r in 0..<rows {
                elements[r * self.columns + column] = units[unit * rows + r]
            }
        }
    }

    /// Adds unit-major rows to columns `columns`.
    mutating func addColumns(_ columns: [Int], unitMajor units: [Float]) {
        precondition(units.count == columns.count * rows)
        for (unit, column) in columns.enumerated() {
            for r in 0..<rows {
                elements[r * self.columns + column] += units[unit * rows + r]
            }
        }
    }
}
