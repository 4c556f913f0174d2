import FlowKernels
import FoundationEssentials
import System

/// Number format of a tensor in a file.
public enum TensorPrecision: String, Sendable, Codable, CaseIterable {
    /// Single precision.
    case float32 = "F32"
    /// Single precision's exponent with 8 bits of significand.
    case bfloat16 = "BF16"
    /// Half precision.
    case float16 = "F16"

    /// Size of a number, bytes.
    public var width: Int { self == .float32 ? 4 : 2 }
}

/// Fault of a safetensors file. Texts name tensors and numbers, never where the file is.
public enum SafetensorsError: Error, Equatable, Sendable {
    /// The file has too few bytes for the length of a header.
    case tooShort(bytes: Int)
    /// The file announces a header of more than `limit` bytes.
    case headerTooLong(bytes: UInt64, limit: Int)
    /// The header is no JSON object of tensors.
    case headerNotJSON
    /// The tensor's number format is none of those that are read.
    case unknownType(tensor: String, type: String)
    /// The tensor has an axis of negative length, or its size overflows.
    case badShape(tensor: String)
    /// The tensor's offsets are not a range within the `bytes` bytes of data.
    case badOffsets(tensor: String, bytes: Int)
    /// The tensor's offsets span `actual` bytes, its shape needs `expected`.
    case wrongSize(tensor: String, expected: Int, actual: Int)
    /// The tensor overlaps the one before it, or there is a hole between them.
    case notContiguous(tensor: String)
    /// The file is `actual` bytes long, its header describes `expected`.
    case wrongLength(expected: Int, actual: Int)
    /// The tensor holds NaN or ±∞.
    case notFinite(tensor: String)
}

/// The safetensors format: a length, a JSON header, and the tensors' bytes, little-endian, one after another without
/// holes.
///
/// Reading executes nothing and checks every size with overflow-checked arithmetic before it allocates.
/// Source: safetensors 0.8, "Format" in its README.
package enum Safetensors {
    /// Longest header that is read, bytes.
    package static let headerLimit = 8 << 20

    /// A named array of numbers.
    package struct Tensor: Sendable, Equatable {
        /// Name in the header.
        package var name: String
        /// Lengths of the axes; their product is the number of values.
        package var shape: [Int]
        /// Values, row-major.
        package var values: [Float]
        /// Number format in the file that it was read from.
        package var precision: TensorPrecision

        package init(name: String, shape: [Int], values: [Float], precision: TensorPrecision = .float32) {
            self.name = name
            self.shape = shape
            self.values = values
            self.precision = precision
        }
    }

    /// Number format of a tensor as the header has it. Model files have those of ``TensorPrecision`` alone; checkpoints of other
    /// programs have buffers of the others too.
    enum ElementType: String, Sendable {
        case float32 = "F32"
        case bfloat16 = "BF16"
        case float16 = "F16"
        case float64 = "F64"
        case int64 = "I64"
        case int32 = "I32"
        case uint8 = "U8"
        case bool = "BOOL"

        /// Size of a number, bytes.
        var width: Int {
            switch self {
            case .float64, .int64: 8
            case .float32, .int32: 4
            case .bfloat16, .float16: 2
            case .uint8, .bool: 1
            }
        }

        /// Format of a model file's tensors; nil for one that they do not have.
        var precision: TensorPrecision? { TensorPrecision(rawValue: rawValue) }
    }

    /// Entry of a tensor in the header, by the format's own names.
    private struct Entry: Codable {
        var dtype: String
        var shape: [Int]
        var data_offsets: [Int]
    }

    /// Header of a file: an object of tensors, with one member that is not a tensor.
    private struct Header: Codable {
        var metadata: [String: String] = [:]
        var entries: [String: Entry] = [:]

        struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys {
                if key.stringValue == "__metadata__" {
                    metadata = try container.decode([String: String].self, forKey: key)
                } else {
                    entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
                }
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(metadata, forKey: Key(stringValue: "__metadata__"))
            for (name, entry) in entries {
                try container.encode(entry, forKey: Key(stringValue: name))
            }
        }
    }

    /// Encodes tensors and metadata as the bytes of a file; the same input gives the same bytes.
    package static func encode(
        _ tensors: [Tensor], metadata: [String: String], precision: TensorPrecision
    ) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try write(
            tensors.map { ($0.name, $0.shape) }, metadata: metadata, precision: precision,
            values: { tensors[$0].values }
        ) { bytes += $0 }
        return bytes
    }

    /// Hands the file's bytes to `sink`, some hundred thousand at a time.
    /// - Parameters:
    ///   - tensors: in the order of the file.
    ///   - values: returns the values of the tensor of that number; called when its turn comes.
    package static func write(
        _ tensors: [(name: String, shape: [Int])], metadata: [String: String], precision: TensorPrecision,
        values: (Int) -> [Float], to sink: ([UInt8]) throws -> Void
    ) throws {
        var header = Header()
        header.metadata = metadata
        var offset = 0
        for (name, shape) in tensors {
            let end = offset + shape.reduce(precision.width, *)
            header.entries[name] = Entry(dtype: precision.rawValue, shape: shape, data_offsets: [offset, end])
            offset = end
        }
        try sink(try encode(header))
        for (number, tensor) in tensors.enumerated() {
            let values = values(number)
            precondition(values.count == tensor.shape.reduce(1, *))
            try write(values, precision, to: sink)
        }
    }

    /// Hands the bytes of a tensor's values to `sink`, some hundred thousand at a time.
    static func write(
        _ values: [Float], _ precision: TensorPrecision, to sink: ([UInt8]) throws -> Void
    ) rethrows {
        var bytes: [UInt8] = []
        for piece in values.count.blocks(of: pieceCount) {
            bytes.removeAll(keepingCapacity: true)
            for value in values[piece] {
                switch precision {
                case .float32: append(value.bitPattern, to: &bytes)
                case .bfloat16: append(bfloat16(value), to: &bytes)
                case .float16: append(Float16(value).bitPattern, to: &bytes)
                }
            }
            try sink(bytes)
        }
    }

    /// Encodes the header behind its length.
    private static func encode(_ header: Header) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = [UInt8](try encoder.encode(header))
        // so that the tensors start at a multiple of 8 bytes, as the format asks
        json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
        var bytes: [UInt8] = []
        append(UInt64(json.count), to: &bytes)
        return bytes + json
    }

    /// Hands the bytes of a file to `sink` with other metadata; the tensors' bytes stay as they are.
    /// - Throws: ``SafetensorsError``; what `sink` throws.
    static func rewrite(
        _ bytes: RawSpan, metadata: [String: String], to sink: ([UInt8]) throws -> Void
    ) throws {
        var (header, start) = try header(of: bytes)
        header.metadata = metadata
        try sink(try encode(header))
        for piece in (start..<bytes.byteCount).blocks(of: 4 * pieceCount) {
            try sink(unsafe bytes.extracting(piece).withUnsafeBytes { unsafe Array($0) })
        }
    }

    /// Adds the tensors' bytes of a file, all behind its header, to those that a digest is of.
    /// - Throws: ``SafetensorsError``.
    static func addData(of bytes: RawSpan, to digest: inout SHA256) throws {
        let (_, start) = try header(of: bytes)
        digest.update(bytes.extracting(start..<bytes.byteCount))
    }

    /// Count of numbers that are written at a time.
    private static let pieceCount = 1 << 16

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: type(of: value).bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Returns the bits of the nearest bfloat16, ties to even.
    static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        guard value.isFinite else { return UInt16(truncatingIfNeeded: bits >> 16) | (value.isNaN ? 0x40 : 0) }
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }

    /// Place of a tensor in the bytes of a file.
    struct Place: Sendable {
        let name: String
        /// Lengths of the axes; their product is ``count``.
        let shape: [Int]
        let type: ElementType
        /// The tensor's bytes, from the first of the file on.
        let bytes: Range<Int>
        /// Number of values.
        var count: Int { bytes.count / type.width }
    }

    /// Decodes the bytes of a file: tensors by name, and the metadata.
    /// - Throws: ``SafetensorsError``.
    /// - Parameter readsBuffers: whether tensors may have other formats than a model file's: double precision, whole numbers and truth
    ///   values, which are converted to single precision.
    package static func decode(
        _ bytes: RawSpan, readsBuffers: Bool = false
    ) throws -> (tensors: [String: Tensor], metadata: [String: String]) {
        let (places, metadata) = try places(in: bytes, readsBuffers: readsBuffers)
        let tensors = places.mapValues { place in
            var values = [Float](repeating: 0, count: place.count)
            read(place, of: bytes, to: &values)
            return Tensor(
                name: place.name, shape: place.shape, values: values, precision: place.type.precision ?? .float32)
        }
        return (tensors, metadata)
    }

    /// Finds the tensors in the bytes of a file, by name, whose numbers are all finite, and decodes the metadata.
    /// - Throws: ``SafetensorsError``.
    static func places(
        in bytes: RawSpan, readsBuffers: Bool = false
    ) throws -> (places: [String: Place], metadata: [String: String]) {
        let (places, metadata) = try places(in: bytes, fileBytes: bytes.byteCount, readsBuffers: readsBuffers)
        for place in places where !isFinite(place, of: bytes) { throw SafetensorsError.notFinite(tensor: place.name) }
        return (Dictionary(uniqueKeysWithValues: places.map { ($0.name, $0) }), metadata)
    }

    /// Finds the tensors of a file of `fileBytes` bytes that begins with `bytes`, its header among them, in their order, and decodes the
    /// metadata.
    /// - Throws: ``SafetensorsError``.
    private static func places(
        in bytes: RawSpan, fileBytes: Int, readsBuffers: Bool = false
    ) throws -> (places: [Place], metadata: [String: String]) {
        let (header, start) = try header(of: bytes)
        let length = fileBytes - start
        var places: [Place] = []
        var end = 0
        // sorted by where they start, then by where they end: an empty tensor stands before its neighbour
        for (name, entry) in header.entries.sorted(by: {
            ($0.value.data_offsets.first ?? 0, $0.value.data_offsets.last ?? 0)
                < ($1.value.data_offsets.first ?? 0, $1.value.data_offsets.last ?? 0)
        }) {
            places.append(try place(name, entry, from: start, length, at: &end, readsBuffers: readsBuffers))
        }
        guard end == length else {
            throw SafetensorsError.wrongLength(expected: start + end, actual: fileBytes)
        }
        return (places, header.metadata)
    }

    /// Bytes of the length that a file begins with.
    package static let lengthBytes = 8

    /// Count of the bytes up to the end of the header, of a file that begins with `bytes`.
    /// - Throws: ``SafetensorsError``.
    static func headerBytes(of bytes: RawSpan) throws -> Int {
        guard bytes.byteCount >= lengthBytes else { throw SafetensorsError.tooShort(bytes: bytes.byteCount) }
        let length = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
        guard length <= UInt64(headerLimit) else {
            throw SafetensorsError.headerTooLong(bytes: length, limit: headerLimit)
        }
        return lengthBytes + Int(length)
    }

    /// Decodes the metadata of a file of `fileBytes` bytes that begins with `bytes`, its header among them. The tensors must have their places
    /// in the file, and are not looked at.
    /// - Throws: ``SafetensorsError``.
    static func metadata(of bytes: RawSpan, fileBytes: Int) throws -> [String: String] {
        try places(in: bytes, fileBytes: fileBytes).metadata
    }

    /// Decodes the header of a file, and finds where the tensors' bytes begin.
    /// - Throws: ``SafetensorsError``.
    private static func header(of bytes: RawSpan) throws -> (header: Header, dataStart: Int) {
        let start = try headerBytes(of: bytes)
        guard start <= bytes.byteCount else {
            throw SafetensorsError.wrongLength(expected: start, actual: bytes.byteCount)
        }
        let json = unsafe bytes.extracting(lengthBytes..<start).withUnsafeBytes { unsafe Data($0) }
        guard let header = try? JSONDecoder().decode(Header.self, from: json) else {
            throw SafetensorsError.headerNotJSON
        }
        return (header, start)
    }

    /// Checks an entry of the header.
    /// - Parameters:
    ///   - start: index of the first byte of all tensors.
    ///   - length: number of bytes of all tensors.
    ///   - end: offset at which the tensor must begin; set to where it ends.
    private static func place(
        _ name: String, _ entry: Entry, from start: Int, _ length: Int, at end: inout Int, readsBuffers: Bool
    ) throws -> Place {
        guard let type = ElementType(rawValue: entry.dtype), readsBuffers || type.precision != nil else {
            throw SafetensorsError.unknownType(tensor: name, type: String(entry.dtype.prefix(16)))
        }
        var count = 1
        for size in entry.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { throw SafetensorsError.badShape(tensor: name) }
            count = product
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: type.width)
        guard !overflow else { throw SafetensorsError.badShape(tensor: name) }
        guard entry.data_offsets.count == 2, case let (first, last) = (entry.data_offsets[0], entry.data_offsets[1]),
            first >= 0, last >= first, last <= length
        else {
            throw SafetensorsError.badOffsets(tensor: name, bytes: length)
        }
        guard last - first == size else {
            throw SafetensorsError.wrongSize(tensor: name, expected: size, actual: last - first)
        }
        guard first == end else { throw SafetensorsError.notContiguous(tensor: name) }
        end = last
        return Place(name: name, shape: entry.shape, type: type, bytes: start + first..<start + last)
    }

    /// Whether all numbers of a tensor are finite: no exponent is the highest.
    private static func isFinite(_ place: Place, of bytes: RawSpan) -> Bool {
        unsafe bytes.extracting(place.bytes).withUnsafeBytes { bytes in
            // The loops have no branches, so that they are vectors.
            var largest: UInt32 = 0
            switch place.type {
            case .int64, .int32, .uint8, .bool:
                return true
            case .float64:
                for i in 0..<place.count {
                    let bits = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self))
                    if !Float(Double(bitPattern: bits)).isFinite { return false }
                }
                return true
            case .float32:
                for i in 0..<place.count {
                    let bits = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
                    largest = max(largest, bits & 0x7FFF_FFFF)
                }
                return largest < 0x7F80_0000
            case .bfloat16, .float16:
                for i in 0..<place.count {
                    let bits = unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                    largest = max(largest, UInt32(bits & 0x7FFF))
                }
                return largest < (place.type == .float16 ? 0x7C00 : 0x7F80)
            }
        }
    }

    /// Reads the values of a tensor, as many as `values` has.
    static func read(_ place: Place, of bytes: RawSpan, to values: inout [Float]) {
        precondition(values.count == place.count)
        unsafe bytes.extracting(place.bytes).withUnsafeBytes { bytes in
            // exactly as many numbers as there are values
            var values = values.mutableSpan
            switch place.type {
            case .float64:
                for i in values.indices {
                    let bits = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self))
                    values[i] = Float(Double(bitPattern: bits))
                }
            case .int64:
                for i in values.indices {
                    values[i] = Float(
                        unsafe Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)))
                }
            case .int32:
                for i in values.indices {
                    values[i] = Float(
                        unsafe Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self)))
                }
            case .uint8, .bool:
                for i in values.indices { values[i] = Float(unsafe bytes[i]) }
            case .float32:
                for i in values.indices {
                    let bits = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
                    values[i] = Float(bitPattern: bits)
                }
            case .bfloat16:
                for i in values.indices {
                    let bits = unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                    values[i] = Float(bitPattern: UInt32(bits) << 16)
                }
            case .float16:
                for i in values.indices {
                    let bits = unsafe UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                    values[i] = Reference.single(float16: bits)
                }
            }
        }
    }
}
