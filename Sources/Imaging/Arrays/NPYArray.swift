/// An array of NumPy's file format, in C order.
///
/// Source: NumPy Enhancement Proposal 1, *A Simple File Format for NumPy Arrays*; versions 1, 2 and 3.
/// Only plain numbers are read: nothing in a file is ever run, and pickled objects are refused.
public struct NPYArray: Sendable, Equatable {
    /// Kinds of elements, by the `descr` that they are written with.
    public enum ElementType: String, Sendable, CaseIterable {
        case bool = "|b1"
        case int8 = "|i1"
        case int16 = "<i2"
        case int32 = "<i4"
        case int64 = "<i8"
        case uint8 = "|u1"
        case uint16 = "<u2"
        case uint32 = "<u4"
        case uint64 = "<u8"
        case float16 = "<f2"
        case float32 = "<f4"
        case float64 = "<f8"

        /// Bytes of one element.
        public var size: Int {
            switch self {
            case .bool, .int8, .uint8: 1
            case .int16, .uint16, .float16: 2
            case .int32, .uint32, .float32: 4
            case .int64, .uint64, .float64: 8
            }
        }

        /// Name of the kind in NumPy, such as `float32`.
        public var name: String { "\(self)" }

        /// Whether elements may be fractions.
        public var isFloat: Bool { [.float16, .float32, .float64].contains(self) }
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
    package init(shape: [Int], elementType: ElementType, bytes: [UInt8]) {
        self.shape = shape
        self.elementType = elementType
        self.bytes = bytes
    }

    /// An array of big-endian elements.
    /// - Precondition: `bytes` has `elementType.size` bytes for each element of `shape`.
    package init(shape: [Int], elementType: ElementType, bigEndian bytes: ArraySlice<UInt8>) {
        precondition(shape.reduce(elementType.size, *) == bytes.count)
        self.init(shape: shape, elementType: elementType, bytes: reversed(bytes, each: elementType.size))
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
    public func doubles() -> [Double] { (0..<count).map(double) }

    /// The element at `index`, from 0, as a number; an integer beyond 2⁵³ is rounded.
    func double(_ index: Int) -> Double {
        switch elementType {
        case .bool, .uint8: Double(bytes[index])
        case .int8: Double(Int8(bitPattern: bytes[index]))
        case .int16: Double(load(index, as: Int16.self))
        case .int32: Double(load(index, as: Int32.self))
        case .int64: Double(load(index, as: Int64.self))
        case .uint16: Double(load(index, as: UInt16.self))
        case .uint32: Double(load(index, as: UInt32.self))
        case .uint64: Double(load(index, as: UInt64.self))
        case .float16: Double(Float16(bitPattern: load(index, as: UInt16.self)))
        case .float32: Double(Float(bitPattern: load(index, as: UInt32.self)))
        case .float64: Double(bitPattern: load(index, as: UInt64.self))
        }
    }

    /// The element at `index`, from 0, as an integer, exactly; nil for a fraction and for what `Int` cannot hold.
    public func integer(_ index: Int) -> Int? {
        switch elementType {
        case .int64: Int(load(index, as: Int64.self))
        case .uint64: Int(exactly: load(index, as: UInt64.self))
        default: Int(exactly: double(index))
        }
    }

    /// The element at `index`, from 0, in digits: as many as tell it from others of its type.
    public func text(_ index: Int) -> String {
        switch elementType {
        case .uint64: "\(load(index, as: UInt64.self))"
        case .float16: "\(Float16(bitPattern: load(index, as: UInt16.self)))"
        case .float32: "\(Float(bitPattern: load(index, as: UInt32.self)))"
        case .float64: "\(double(index))"
        default: "\(integer(index) ?? 0)"  // all others are integers of Int
        }
    }

    /// Index on each axis of the element at `index` of all.
    func position(_ index: Int) -> [Int] {
        var (rest, position) = (index, shape)
        for axis in shape.indices.reversed() {
            (rest, position[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis])
        }
        return position
    }

    private func load<Bits: FixedWidthInteger & BitwiseCopyable>(_ index: Int, as: Bits.Type) -> Bits {
        let size = MemoryLayout<Bits>.size
        precondition(index >= 0 && (index + 1) * size <= bytes.count)
        return Bits(
            littleEndian: unsafe bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: index * size, as: Bits.self))
    }
}

private func littleEndian(_ bits: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    (0..<bits.bitWidth / 8).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
}
