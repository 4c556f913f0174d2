/// A dense row-major matrix of single-precision numbers, `[rows, columns]`.
public struct Matrix: Sendable, Equatable {
    /// Number of rows, such as a batch's; 0 or more.
    public let rows: Int
    /// Number of columns, such as the dimensions of an event; 1 or more.
    public let columns: Int
    /// Values, `rows * columns` of them; row `r`, column `j` is at `r * columns + j`.
    public var elements: [Float]

    /// - Precondition: `columns` is positive, and `elements` has `rows * columns` values.
    public init(rows: Int, columns: Int, elements: [Float]) {
        precondition(rows >= 0 && columns > 0 && elements.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// A matrix of zeros.
    public init(rows: Int, columns: Int) {
        self.init(rows: rows, columns: columns, elements: Array(repeating: 0, count: rows * columns))
    }

    /// Value in one row and column.
    public subscript(row: Int, column: Int) -> Float {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }
}
