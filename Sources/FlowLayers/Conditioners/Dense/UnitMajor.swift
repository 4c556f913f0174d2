package import FlowCore
import FlowKernels

/// A matrix of units by rows of a batch, `[units, stride]`: a unit's rows stand side by side, so that kernels work on whole vectors
/// of rows.
package struct UnitMajor: Sendable {
    /// Number of units.
    package let units: Int
    /// Number of rows.
    package let rows: Int
    /// Elements from one unit to the next: `rows` rounded up to a multiple of ``lanes``. What stands beyond `rows` is finite or not,
    /// and never looked at.
    package let stride: Int
    /// Values: row `r` of unit `u` is at `u · stride + r`.
    package var elements: [Float]

    /// Number of lanes of the widest vector of any instruction set.
    static let lanes = 16

    /// Returns the stride of so many rows.
    static func stride(_ rows: Int) -> Int { (rows + lanes - 1) / lanes * lanes }

    /// Units of zeros.
    package init(units: Int, rows: Int) {
        self.init(units: units, rows: rows, elements: Array(repeating: 0, count: units * Self.stride(rows)))
    }

    init(units: Int, rows: Int, elements: [Float]) {
        precondition(units >= 0 && rows > 0 && elements.count == units * Self.stride(rows))
        self.units = units
        self.rows = rows
        stride = Self.stride(rows)
        self.elements = elements
    }

    /// The transpose of a matrix: column `j` becomes unit `j`, or counted from the end when `reversed`; zeros beyond its rows.
    package init(_ matrix: Matrix, reversed: Bool = false) {
        self.init(units: matrix.columns, rows: matrix.rows)
        let target = unitOperand(reversed: reversed)
        Kernels.best.transpose(
            matrix.elements, Operand(step: matrix.columns), to: &elements, target, rows: rows, columns: units)
    }

    /// Transposes into a matrix, `[rows, units]`: unit `j` becomes column `j`, or counted from the end when `reversed`.
    package func matrix(reversed: Bool = false) -> Matrix {
        var matrix = Matrix(rows: rows, columns: units)
        Kernels.best.transpose(
            elements, unitOperand(reversed: reversed), to: &matrix.elements, Operand(step: units), rows: units,
            columns: rows)
        return matrix
    }

    private func unitOperand(reversed: Bool) -> Operand {
        Operand(offset: reversed ? (units - 1) * stride : 0, step: reversed ? -stride : stride)
    }

    /// Transposes into `[rows, width]`, a row's units side by side, `width` as ``rowStride(_:)`` has it; zeros beyond the last unit.
    func byRow() -> (elements: [Float], width: Int) {
        let width = rowStride(units)
        var transposed = [Float](repeating: 0, count: rows * width)
        Kernels.best.transpose(
            elements, Operand(step: stride), to: &transposed, Operand(step: width), rows: units, columns: rows)
        return (transposed, width)
    }

    /// Picks units `first`, `first + step`, …
    func every(_ step: Int, from first: Int) -> UnitMajor {
        let chosen = Array(Swift.stride(from: first, to: units, by: step))
        var elements: [Float] = []
        elements.reserveCapacity(chosen.count * stride)
        for unit in chosen { elements += self.elements[unit * stride..<(unit + 1) * stride] }
        return UnitMajor(units: chosen.count, rows: rows, elements: elements)
    }

    /// Puts `other` in the place of units `first`, `first + step`, …
    mutating func setEvery(_ step: Int, from first: Int, _ other: UnitMajor) {
        for (i, unit) in Swift.stride(from: first, to: units, by: step).enumerated() {
            elements.replaceSubrange(
                unit * stride..<(unit + 1) * stride, with: other.elements[i * stride..<(i + 1) * stride])
        }
    }

    /// Joins the units of `self` and, behind them, those of `other`.
    func followed(by other: UnitMajor) -> UnitMajor {
        UnitMajor(units: units + other.units, rows: rows, elements: elements + other.elements)
    }

    /// Drops the first `count` units.
    func dropping(_ count: Int) -> UnitMajor {
        count == 0 ? self : UnitMajor(units: units - count, rows: rows, elements: Array(elements[(count * stride)...]))
    }

    /// Adds `other`, element by element.
    mutating func add(_ other: UnitMajor) {
        precondition(elements.count == other.elements.count)
        let more = other.elements.span
        var sum = elements.mutableSpan
        for i in 0..<sum.count { sum[i] += more[i] }
    }
}

/// Pads values, one a row, with zeros up to the stride of unit-major arrays.
func padded(_ values: [Float]) -> [Float] {
    values + Array(repeating: 0, count: UnitMajor.stride(values.count) - values.count)
}

/// Sets a range of an array to zero.
func clear(_ x: inout [Float], _ range: Range<Int>) {
    var span = x.mutableSpan
    for i in range { span[i] = 0 }
}

/// Copies `count` numbers of `x` to `y`, from each offset on.
func copy(_ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int, count: Int) {
    let values = x.span
    var span = y.mutableSpan
    for i in 0..<count { span[yOffset + i] = values[xOffset + i] }
}

/// Moves `count` numbers within an array, to places that may overlap theirs.
func shift(_ x: inout [Float], from source: Int, to target: Int, count: Int) {
    precondition(min(source, target, count) >= 0 && max(source, target) + count <= x.count)
    unsafe x.withUnsafeMutableBufferPointer { x in
        // In bounds by the precondition above; nothing is read where there is nothing.
        guard let base = x.baseAddress else { return }
        unsafe (base + target).update(from: base + source, count: count)
    }
}
