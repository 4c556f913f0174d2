/// A dense row-major matrix of single-precision numbers, `[rows, columns]`.
public struct Matrix: Sendable, Equatable {
    public let rows: Int
    public let columns: Int
    /// `rows * columns` values; row `r`, column `j` is at `r * columns + j`.
    public var elements: [Float]

    public init(rows: Int, columns: Int, elements: [Float]) {
        precondition(rows >= 0 && columns > 0 && elements.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// Zeros.
    public init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns, elements: Array(repeating: 0, count: rows * columns))
    }

    public subscript(row: Int, column: Int) -> Float {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }
}
