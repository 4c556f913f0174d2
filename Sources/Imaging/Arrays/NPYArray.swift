/// An array of NumPy's file format, in C order.
///
/// Source: NumPy Enhancement Proposal 1, *A Simple File Format for NumPy Arrays*; versions 1, 2 and 3.
/// Only plain numbers are read: nothing in a file is ever run, and pickled objects are refused.
public struct NPYArray: Sendable, Equatable {
    /// Kinds of elements, by their `descr`.
    public enum ElementType: String, Sendable, CaseIterable {
        case bool = "|b1"
        case uint8 = "|u1"
        case uint16 = "<u2"
        case int32 = "<i4"
        case int64 = "<i8"
        case float32 = "<f4"
        case float64 = "<f8"

        /// Bytes of one element.
        public var size: Int {
            switch self {
            case .bool, .uint8: 1
            case .uint16: 2
            case .int32, .float32: 4
            case .int64, .float64: 8
            }
        }
    }

    /// Length of each axis; `[]` is a single number.
    public let shape: [Int]
    /// Type of every element.
    public let elementType: ElementType
    /// The elements, little-endian, last axis fastest.
    public let bytes: [UInt8]

    /// Number of elements.
    public var count: Int { bytes.count / elementType.size }

    /// An array of little-endian elements, of which the caller has made sure that there are as many as `shape` says.
    init(shape: [Int], elementType: ElementType, bytes: [UInt8]) {
        self.shape = shape
        self.elementType = elementType
        self.bytes = bytes
    }

    /// An array of big-endian elements.
    /// - Precondition: `bytes` has `elementType.size` bytes for each element of `shape`.
    package init(shape: [Int], elementType: ElementType, bigEndian bytes: ArraySlice<UInt8>) {
        let size = elementType.size
        precondition(shape.reduce(size, *) == bytes.count)
        var elements = Array(bytes)
        if size > 1 {
            for start in stride(from: 0, to: elements.count, by: size) { elements[start..<start + size].reverse() }
        }
        self.init(shape: shape, elementType: elementType, bytes: elements)
    }

    /// An array of ``ElementType/uint8``, last axis fastest.
    /// - Precondition: as many values as elements of `shape`.
    public init(shape: [Int], _ values: [UInt8]) {
        precondition(shape.reduce(1, *) == values.count)
        self.init(shape: shape, elementType: .uint8, bytes: values)
    }

    /// An array of ``ElementType/float32``, last axis fastest.
    /// - Precondition: as many values as elements of `shape`.
    public init(shape: [Int], _ values: [Float]) {
        precondition(shape.reduce(1, *) == values.count)
        self.init(shape: shape, elementType: .float32, bytes: values.flatMap { littleEndian($0.bitPattern) })
    }

    /// An array of ``ElementType/float64``, last axis fastest.
    /// - Precondition: as many values as elements of `shape`.
    public init(shape: [Int], _ values: [Double]) {
        precondition(shape.reduce(1, *) == values.count)
        self.init(shape: shape, elementType: .float64, bytes: values.flatMap { littleEndian($0.bitPattern) })
    }

    /// The elements as numbers; integers beyond 2⁵³ are rounded.
    public func doubles() -> [Double] {
        (0..<count).map { index in
            switch elementType {
            case .bool, .uint8: Double(bytes[index])
            case .uint16: Double(UInt16(truncatingIfNeeded: bits(index)))
            case .int32: Double(Int32(truncatingIfNeeded: bits(index)))
            case .int64: Double(Int64(bitPattern: bits(index)))
            case .float32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits(index))))
            case .float64: Double(bitPattern: bits(index))
            }
        }
    }

    /// Element that is no level.
    public struct LevelError: Error, Equatable, Sendable {
        /// Place of the element, from 0.
        public let index: Int
        /// The element, in digits.
        public let value: String

        public init(index: Int, value: String) {
            self.index = index
            self.value = value
        }
    }

    /// The elements as levels `0 ..< levels`, `levels` up to 256.
    /// - Throws: ``LevelError`` of the first element that is not a whole number in that range.
    public func levels(_ levels: Int) throws(LevelError) -> [UInt8] {
        precondition((2...256).contains(levels))
        if elementType == .uint8 {
            if levels < 256, let index = bytes.firstIndex(where: { $0 >= levels }) {
                throw LevelError(index: index, value: "\(bytes[index])")
            }
            return bytes
        }
        let values = doubles()
        var result: [UInt8] = []
        result.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let level = UInt8(exactly: value), level < levels else {
                throw LevelError(index: index, value: "\(value)")
            }
            result.append(level)
        }
        return result
    }

    private func bits(_ index: Int) -> UInt64 {
        bytes[index * elementType.size..<(index + 1) * elementType.size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

private func littleEndian(_ bits: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    (0..<bits.bitWidth / 8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
}
