extension Reference {
    /// Returns the bits of a number in half precision; nil unless it is finite and exact there.
    package static func float16(exactly value: Float) -> UInt16? {
        // 2¹¹² is the difference of the exponents' biases
        let bits = (value.magnitude * 0x1p-112).bitPattern >> 13
        guard bits < 0x7C00 else { return nil }
        let half = UInt16(bits) | (value.sign == .minus ? 0x8000 : 0)
        return single(float16: half).bitPattern == value.bitPattern ? half : nil
    }

    /// Converts a finite number of half precision, exactly: its exponent and significand moved to their places in a number of single
    /// precision, and the difference of the exponents' biases, 2¹¹², multiplied in, which makes the subnormal ones right too.
    /// `Float(Float16(bitPattern:))` is a call of the run-time library for each number where the baseline has no such instruction.
    @inlinable
    package static func single(float16 bits: UInt16) -> Float {
        let magnitude = Float(bitPattern: UInt32(bits & 0x7FFF) << 13) * 0x1p112
        return Float(bitPattern: magnitude.bitPattern | UInt32(bits & 0x8000) << 16)
    }
}
