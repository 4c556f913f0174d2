package import HTTPWire
import Synchronization

/// Memory of the request bodies of all connections together, each from its first byte until it was answered.
package final class BodyMemory: Sendable {
    private let limit: Int
    private let used = Atomic(0)

    /// - Parameter limit: bytes, at most.
    package init(limit: Int) { self.limit = limit }

    /// Memory of one body; given back when the last one lets go of it.
    package final class Share: Sendable {
        private let memory: BodyMemory
        private let bytes = Atomic(0)

        /// A share of 0 bytes.
        package init(of memory: BodyMemory) { self.memory = memory }

        deinit { memory.used.subtract(bytes.load(ordering: .relaxed), ordering: .relaxed) }

        /// Makes the share `bytes` large, unless that is more than is left; called by one queue at a time.
        /// - Throws: ``HTTPServerError/bodyMemoryFull(limit:)``; then the share stays as it is.
        package func grow(to bytes: Int) throws(HTTPServerError) {
            let more = bytes - self.bytes.load(ordering: .relaxed)
            guard more > 0 else { return }
            guard memory.used.add(more, ordering: .relaxed).newValue <= memory.limit else {
                memory.used.subtract(more, ordering: .relaxed)
                throw .bodyMemoryFull(limit: memory.limit)
            }
            self.bytes.store(bytes, ordering: .relaxed)
        }
    }
}
