import Glibc

/// The network that a client's address stands for: the IPv4 address itself, or the first 64 bits of an IPv6 address, since
/// whoever has one such address has all of its network (RFC 4291, section 2.5.1).
public struct ClientNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The address in network byte order: the network of an IPv6 address, the last 32 of 64 bits of an IPv4 address.
    private let bits: UInt64
    private let isIPv4: Bool

    /// The network of `peer`.
    /// - Parameter peer: an address as getnameinfo(3) writes it, perhaps with a zone; nil for what is no address.
    public init?(_ peer: String) {
        let address = Substring(peer.utf8.prefix { $0 != UInt8(ascii: "%") })
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, String(address), &v4) == 1 {
            (bits, isIPv4) = (UInt64(UInt32(bigEndian: v4.s_addr)), true)
            return
        }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, String(address), &v6) == 1 else { return nil }
        let (network, low) = unsafe withUnsafeBytes(of: &v6) { bytes in
            unsafe (
                UInt64(bigEndian: bytes.load(as: UInt64.self)),
                UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
            )
        }
        // ::ffff:a.b.c.d is an IPv4 client of a socket that speaks both.
        isIPv4 = network == 0 && low >> 32 == 0xFFFF
        bits = isIPv4 ? low & 0xFFFF_FFFF : network
    }

    /// Text of the network: `192.0.2.1` or `2001:db8:0:1::/64`.
    public var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(bits >> $0 & 0xFF) }.joined(separator: ".") }
        return [48, 32, 16, 0].map { String(bits >> $0 & 0xFFFF, radix: 16) }.joined(separator: ":") + "::/64"
    }
}
