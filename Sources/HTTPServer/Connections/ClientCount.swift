import HTTPWire

/// Numbers of open connections by client, so that no single one takes them all.
///
/// A client is a ``ClientNetwork``. Connections without an address, over a Unix socket, are not counted.
package struct ClientCount {
    private let limit: Int
    private var open: [ClientNetwork: Int] = [:]

    /// - Parameter limit: connections of one client; 0 for any number.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether a connection from `peer`, a numeric address, is within the limit; then it counts until ``leave(_:)``.
    package mutating func admit(_ peer: String) -> Bool {
        guard limit > 0, let client = ClientNetwork(peer) else { return true }
        let count = open[client, default: 0]
        guard count < limit else { return false }
        open[client] = count + 1
        return true
    }

    /// Stops counting a connection from `peer` that was admitted and is closed now.
    package mutating func leave(_ peer: String) {
        guard limit > 0, let client = ClientNetwork(peer), let count = open[client] else { return }
        open[client] = count > 1 ? count - 1 : nil
    }
}
