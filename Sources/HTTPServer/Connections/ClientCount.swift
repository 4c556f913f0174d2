import Glibc

/// Numbers of open connections by client, so that no single one takes them all.
///
/// A client is an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has one such address has all of
/// its network. Connections without an address, over a Unix socket, are not counted.
package struct ClientCount {
    private let limit: Int
    private var open: [Client: Int] = [:]

    /// - Parameter limit: connections of one client; 0 for any number.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether a connection from `peer`, a numeric address, is within the limit; then it counts until ``leave(_:)``.
    package mutating func admit(_ peer: String) -> Bool {
        guard limit > 0, let client = Client(peer) else { return true }
        let count = open[client, default: 0]
        guard count < limit else { return false }
        open[client] = count + 1
        return true
    }

    /// Stops counting a connection from `peer` that was admitted and is closed now.
    package mutating func leave(_ peer: String) {
        guard limit > 0, let client = Client(peer), let count = open[client] else { return }
        open[client] = count > 1 ? count - 1 : nil
    }

    private struct Client: Hashable {
        var bits: UInt64

        /// - Parameter text: as getnameinfo(3) writes it, perhaps with a zone; nil for what is no address.
        init?(_ text: String) {
            let address = text.prefix { $0 != "%" }
            var v4 = in_addr()
            if unsafe inet_pton(AF_INET, String(address), &v4) == 1 {
                bits = UInt64(v4.s_addr)
                return
            }
            var v6 = in6_addr()
            guard unsafe inet_pton(AF_INET6, String(address), &v6) == 1 else { return nil }
            let (network, low) = unsafe withUnsafeBytes(of: &v6) { bytes in
                unsafe (bytes.load(as: UInt64.self), bytes.load(fromByteOffset: 8, as: UInt64.self))
            }
            // ::ffff:a.b.c.d is an IPv4 client of a socket that speaks both.
            let isMapped = network == 0 && UInt32(truncatingIfNeeded: low) == UInt32(0xFFFF).bigEndian
            bits = isMapped ? low >> 32 : network
        }
    }
}
