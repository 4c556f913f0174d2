package import HTTPWire
import Synchronization

/// Memory of the request bodies of all connections together, each from its first byte until it was answered.
///
/// Clients share it by dynamic thresholds: what one holds is at most a multiple of what nobody holds, so that something is
/// left for the next whoever came first, and nothing has to be taken back. Small bodies are outside of that, and have a
/// reserve that no others use. Source: Choudhury & Hahne, *Dynamic Queue Length Thresholds for Shared-Memory Packet
/// Switches*, IEEE/ACM Transactions on Networking 6(2), 1998.
package final class BodyMemory: Sendable {
    /// Client whose bodies are counted together.
    package enum Owner: Hashable, Sendable {
        /// The holder of the key of that name.
        case key(String)
        case network(ClientNetwork)
        /// A connection without an address, over a Unix socket, by its number.
        case connection(UInt64)

        /// The client on `connection`, which presented the key `keyName` if that is not nil.
        package init(_ connection: ConnectionInfo, keyName: String?) {
            self =
                if let keyName {
                    .key(keyName)
                } else if let network = ClientNetwork(connection.peer) {
                    .network(network)
                } else {
                    .connection(connection.number)
                }
        }
    }

    private struct Used {
        var total = 0
        var byOwner: [Owner: Int] = [:]
    }

    private let limits: BodyMemoryLimits
    private let used = Mutex(Used())

    package init(_ limits: BodyMemoryLimits) { self.limits = limits }

    /// Bytes that all bodies take.
    package var total: Int { used.withLock(\.total) }

    /// Memory of one body; given back when the last one lets go of it.
    package final class Share: Sendable {
        private let memory: BodyMemory
        private let owner: Owner
        private let bytes = Atomic(0)

        /// A share of 0 bytes.
        package init(of memory: BodyMemory, for owner: Owner) {
            self.memory = memory
            self.owner = owner
        }

        deinit { memory.give(back: bytes.load(ordering: .relaxed), from: owner) }

        /// Makes the share `bytes` large, unless that is more than is left; called by one queue at a time.
        /// - Throws: ``HTTPServerError/bodyMemoryFull(limit:)``, ``HTTPServerError/clientMemoryFull(limit:)``; then the
        ///   share stays as it is.
        package func grow(to bytes: Int) throws(HTTPServerError) {
            let held = self.bytes.load(ordering: .relaxed)
            guard bytes > held else { return }
            try memory.take(bytes - held, for: owner, isSmall: bytes <= memory.limits.smallBytes)
            self.bytes.store(bytes, ordering: .relaxed)
        }
    }

    private func take(_ more: Int, for owner: Owner, isSmall: Bool) throws(HTTPServerError) {
        try used.withLock { used throws(HTTPServerError) in
            let total = used.total + more
            let held = used.byOwner[owner, default: 0]
            let limit = isSmall ? limits.total : limits.total - limits.reserve
            guard total <= limit else { throw .bodyMemoryFull(limit: limit) }
            if !isSmall {
                let largest = limits.largest(besides: used.total - held)
                guard held + more <= largest else { throw .clientMemoryFull(limit: largest) }
            }
            used.total = total
            used.byOwner[owner] = held + more
        }
    }

    private func give(back bytes: Int, from owner: Owner) {
        guard bytes > 0 else { return }
        used.withLock { used in
            used.total -= bytes
            let left = used.byOwner[owner, default: 0] - bytes
            used.byOwner[owner] = left > 0 ? left : nil
        }
    }
}
