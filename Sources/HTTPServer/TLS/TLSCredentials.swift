import Glibc
import HTTPWire
import Synchronization

/// The certificate, key and client authorities of a server, from files, and again from them on ``reload()``.
public final class TLSCredentials: Sendable {
    private let configuration: TLSConfiguration
    private let context: Mutex<TLSContext>

    /// Reads and checks the files.
    /// - Throws: ``TLSError``.
    public init(_ configuration: TLSConfiguration) throws(TLSError) {
        self.configuration = configuration
        context = Mutex(try TLSContext(configuration))
    }

    /// Reads the files again, for the handshakes from now on; open connections keep what they have.
    /// - Throws: ``TLSError``; then nothing has changed.
    public func reload() throws(TLSError) {
        let next = try TLSContext(configuration)
        context.withLock { $0 = next }
    }

    /// Days until the certificate, or one of its chain, expires; negative when it has.
    public var daysLeft: Double {
        Double(current.expiry - time(nil)) / 86_400
    }

    /// Unix time at which the certificate, or one of its chain, expires.
    var expiry: Double { Double(current.expiry) }

    var current: TLSContext { context.withLock { $0 } }
}
