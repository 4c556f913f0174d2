extension NPYArray {
    /// Most bytes of a header's dictionary that is read; NumPy's own limit (`max_header_size`).
    public static let maxHeaderBytes = 10_000
    /// Most axes of an array that is read; NumPy's own limit.
    public static let maxDimensions = 64

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Whether `bytes` begin as an NPY file does.
    public static func isNPY(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Reads a whole file.
    /// - Throws: ``ImagingError/invalidNPY(field:expected:found:)``; for the header and the number of axes also
    ///   ``ImagingError/tooLarge(quantity:value:limit:)``.
    public static func decode(_ file: [UInt8]) throws(ImagingError) -> NPYArray {
        let header = try readHeader(file[...])
        let found = file.count - header.bytes
        guard found == header.dataBytes else {
            throw .invalidNPY(
                field: "data", expected: "\(header.dataBytes) bytes for shape \(header.shape)", found: "\(found) bytes")
        }
        return NPYArray(
            shape: header.shape, elementType: header.elementType, bytes: header.canonical(file[header.bytes...]))
    }

    /// What stands before the data of a file.
    package struct Header: Sendable, Equatable {
        /// Type of every element.
        package let elementType: ElementType
        /// Length of each axis.
        package let shape: [Int]
        /// Whether the most significant byte of an element comes first.
        package let isBigEndian: Bool
        /// Whether the first axis is the fastest, and not the last, so that the first element along it needs all of the data; false
        /// where the two are the same order.
        package let isTransposed: Bool
        /// Bytes of the header.
        package let bytes: Int
        /// Bytes of the data behind it.
        package let dataBytes: Int
    }

    /// Most bytes of a file that its header is read from.
    package static let longestHeader = maxHeaderBytes + 12

    /// Reads the header of a file for those who take its data as it comes.
    /// - Parameter start: the file's first ``longestHeader`` bytes, or all of a shorter one.
    /// - Throws: as ``decode(_:)``.
    package static func readHeader(_ start: ArraySlice<UInt8>) throws(ImagingError) -> Header {
        let file = start
        let first = file.startIndex
        guard file.starts(with: magic) else {
            throw .invalidNPY(field: "magic", expected: "\\x93NUMPY", found: "other bytes")
        }
        guard file.count >= 12 else {
            throw .invalidNPY(field: "header", expected: "at least 12 bytes", found: "\(file.count) bytes")
        }
        let version = file[first + 6]
        guard (1...3).contains(version), file[first + 7] == 0 else {
            throw .invalidNPY(
                field: "version", expected: "1.0, 2.0 or 3.0", found: "\(version).\(file[first + 7])")
        }
        let lengthBytes = version == 1 ? 2 : 4
        let length = file[first + 8..<first + 8 + lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        if length > maxHeaderBytes {
            throw .tooLarge(quantity: "header bytes", value: length, limit: maxHeaderBytes)
        }
        let bytes = 8 + lengthBytes
        guard length <= file.count - bytes else {
            throw .invalidNPY(field: "header", expected: "\(length) bytes", found: "\(file.count - bytes) bytes")
        }
        var header = NPYHeaderReader(file[first + bytes..<first + bytes + length])
        let (type, isFortran, shape) = try header.read()

        var size = type.element.size
        for axis in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: axis)
            guard !overflow else {
                throw .invalidNPY(field: "shape", expected: "fewer than 2⁶³ bytes", found: "\(shape)")
            }
            size = product
        }
        return Header(
            elementType: type.element, shape: shape, isBigEndian: type.isBigEndian,
            isTransposed: isFortran && shape.count { $0 != 1 } > 1, bytes: bytes + length, dataBytes: size)
    }

    /// Bytes of the array's file, version 1.0.
    public func encoded() -> [UInt8] { Self.header(shape: shape, elementType: elementType) + bytes }

    /// Bytes of a version 1.0 file in front of its data, for those who write the data as it comes; a multiple of 64 bytes.
    public static func header(shape: [Int], elementType: ElementType) -> [UInt8] {
        precondition(shape.count <= maxDimensions && shape.allSatisfy { $0 >= 0 })
        let tuple = shape.map { "\($0), " }.joined()
        var text = Array("{'descr': '\(elementType.rawValue)', 'fortran_order': False, 'shape': (\(tuple)), }".utf8)
        let unpadded = magic.count + 4 + text.count + 1
        text += [UInt8](repeating: 0x20, count: (64 - unpadded % 64) % 64) + [0x0a]
        return magic + [1, 0, UInt8(text.count & 0xff), UInt8(text.count >> 8)] + text
    }
}
