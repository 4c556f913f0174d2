extension NPYArray {
    /// An array of whole numbers, last axis fastest: of ``ElementType/uint8`` where all fit, else of ``ElementType/int64``.
    /// - Precondition: as many values as elements of `shape`.
    public init(shape: [Int], _ values: [Int]) {
        if values.allSatisfy({ 0...255 ~= $0 }) {
            self.init(shape: shape, values.map(UInt8.init))
            return
        }
        precondition(shape.reduce(1, *) == values.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 8)
        for value in values {
            let bits = UInt64(bitPattern: Int64(value))
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
            }
        }
        self.init(shape: shape, elementType: .int64, bytes: bytes)
    }
}
