/// Bytes of ASCII (RFC 20), and classes of them.
public enum ASCII {
    @inlinable @inline(__always) public static var carriageReturn: UInt8 { 0x0D }
    @inlinable @inline(__always) public static var lineFeed: UInt8 { 0x0A }
    @inlinable @inline(__always) public static var space: UInt8 { 0x20 }
    @inlinable @inline(__always) public static var tab: UInt8 { 0x09 }
    @inlinable @inline(__always) public static var colon: UInt8 { 0x3A }

    /// Whether `byte` is a digit, `0` to `9`.
    @inlinable @inline(__always)
    public static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Whether `byte` is a space or a tab.
    @inlinable @inline(__always)
    public static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// `byte` in lower case where it is a letter, else as it is.
    @inlinable @inline(__always)
    public static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    /// `0` to `9` or `a` to `f`, as hashes and trace ids are written.
    @inlinable @inline(__always)
    public static func isLowercaseHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || byte >= 0x61 && byte <= 0x66 }

    /// Whether `byte` is a `tchar` of RFC 9110, section 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        // One bit for each of the 128 ASCII characters.
        let mask: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 128 && (mask >> UInt64(byte & 63)) & 1 == 1
    }

    /// Value of a hexadecimal digit of either case; nil for any other byte.
    @inlinable
    public static func hexValue(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x61...0x66: Int(byte - 0x61) + 10
        case 0x41...0x46: Int(byte - 0x41) + 10
        default: nil
        }
    }
}
