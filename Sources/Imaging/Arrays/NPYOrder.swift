extension NPYArray.Header {
    /// Elements of a part of the data, or of all of it, as an ``NPYArray`` has them but for their order: little-endian, and booleans 0
    /// or 1 (NumPy takes any other byte for true).
    /// - Precondition: `data` has whole elements.
    package func elements(_ data: ArraySlice<UInt8>) -> [UInt8] {
        precondition(data.count % elementType.size == 0)
        if elementType == .bool { return data.map { $0 == 0 ? 0 : 1 } }
        return isBigEndian && elementType.size > 1 ? reversed(data, each: elementType.size) : Array(data)
    }

    /// Elements of all the data, as an ``NPYArray`` has them.
    /// - Precondition: `data` has ``dataBytes`` bytes.
    package func canonical(_ data: ArraySlice<UInt8>) -> [UInt8] {
        precondition(data.count == dataBytes)
        let elements = elements(data)
        if !isTransposed || elements.isEmpty { return elements }
        return switch elementType.size {
        case 1: transposed(elements, shape, UInt8.self)
        case 2: transposed(elements, shape, UInt16.self)
        case 4: transposed(elements, shape, UInt32.self)
        default: transposed(elements, shape, UInt64.self)
        }
    }
}

/// The bytes with those of each element of `size` bytes in the opposite order.
func reversed(_ bytes: ArraySlice<UInt8>, each size: Int) -> [UInt8] {
    var elements = Array(bytes)
    if size > 1 {
        for start in stride(from: 0, to: elements.count, by: size) { elements[start..<start + size].reverse() }
    }
    return elements
}

/// Elements of an array of `shape`, first axis fastest, in the order in which the last axis is.
/// - Precondition: no axis has length 0.
private func transposed<Element: FixedWidthInteger & BitwiseCopyable>(
    _ elements: [UInt8], _ shape: [Int], _: Element.Type
) -> [UInt8] {
    let size = MemoryLayout<Element>.size
    // Distance of neighbours along each axis, in elements.
    var strides = [1]
    for length in shape.dropLast() { strides.append(strides[strides.count - 1] * length) }
    precondition(strides[shape.count - 1] * shape[shape.count - 1] * size == elements.count)
    let (rowLength, rowStride) = (shape[shape.count - 1], strides[shape.count - 1])
    var result = [UInt8](repeating: 0, count: elements.count)
    var span = result.mutableSpan
    var target = unsafe span.mutableBytes
    let source = unsafe elements.span.bytes
    var position = [Int](repeating: 0, count: shape.count - 1)
    var start = 0
    for row in 0..<elements.count / size / rowLength {
        for column in 0..<rowLength {
            // The offsets stay below the product of shape and size, which is the number of bytes of either.
            let element = unsafe source.unsafeLoadUnaligned(
                fromByteOffset: (start + column * rowStride) * size, as: Element.self)
            target.storeBytes(of: element, toByteOffset: (row * rowLength + column) * size, as: Element.self)
        }
        // The next row: the last but one axis is the fastest now.
        for axis in position.indices.reversed() {
            position[axis] += 1
            start += strides[axis]
            if position[axis] < shape[axis] { break }
            start -= strides[axis] * shape[axis]
            position[axis] = 0
        }
    }
    return result
}
