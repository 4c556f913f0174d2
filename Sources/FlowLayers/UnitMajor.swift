import FlowCore

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
