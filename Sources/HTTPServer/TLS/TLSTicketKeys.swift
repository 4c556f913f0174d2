import COpenSSL
package import HTTPWire
import Synchronization
import System

/// The keys that session tickets are sealed with: made here, never stored, and changed every hour, so that who learns
/// one learns an hour of sessions at most (RFC 5077, section 5.5; RFC 8446, appendix C.4).
package final class TLSTicketKeys: Sendable {
    /// A key, its name and its age.
    package struct Key: Equatable, Sendable {
        /// Name of the key inside the ticket, 16 bytes.
        package var name: [UInt8]
        /// Key of AES-256-CBC, 32 bytes.
        package var cipher: [UInt8]
        /// Key of HMAC-SHA-256, 32 bytes.
        package var mac: [UInt8]
        /// Time from which on the key seals.
        var since: Nanoseconds
    }

    /// Seconds that a ticket, or a remembered session, may be used for.
    static let lifetimeSeconds = 3600
    /// Nanoseconds for which a key seals new tickets; it opens them for as long again, which is their lifetime.
    package static let period: Nanoseconds = Nanoseconds(lifetimeSeconds) * 1_000_000_000

    private let keys = Mutex<(current: Key?, previous: Key?)>((nil, nil))

    /// Keys of which the first is made when a ticket is sealed.
    package init() {}

    /// The key to seal a ticket with; nil when there is no randomness, and so no ticket.
    package func current(at now: Nanoseconds) -> Key? {
        keys.withLock { keys in
            Self.rotate(&keys, now)
            if keys.current == nil { keys.current = Self.make(at: now) }
            return keys.current
        }
    }

    /// The key called `name` if it still opens tickets, and whether a new ticket is due.
    package func key(named name: [UInt8], at now: Nanoseconds) -> (key: Key, isOld: Bool)? {
        keys.withLock { keys in
            Self.rotate(&keys, now)
            if let key = keys.current, key.name == name { return (key, false) }
            if let key = keys.previous, key.name == name { return (key, true) }
            return nil
        }
    }

    // Threads come here a little out of order: `now` may lie before a key's beginning.
    private static func rotate(_ keys: inout (current: Key?, previous: Key?), _ now: Nanoseconds) {
        if let key = keys.current, now >= key.since + period { keys = (nil, key) }
        if let key = keys.previous, now >= key.since + 2 * period { keys.previous = nil }
    }

    private static func make(at now: Nanoseconds) -> Key? {
        var bytes = [UInt8](repeating: 0, count: 80)
        guard unsafe RAND_priv_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
        return Key(name: Array(bytes[..<16]), cipher: Array(bytes[16..<48]), mac: Array(bytes[48...]), since: now)
    }
}

extension TLSTicketKeys.Key {
    /// Sets up OpenSSL's contexts to seal or open one ticket.
    func apply(iv: UnsafePointer<UInt8>, cipher context: OpaquePointer, mac: OpaquePointer, sealing: Bool) -> Bool {
        let isCipherSet = unsafe EVP_CipherInit_ex(context, EVP_aes_256_cbc(), nil, cipher, iv, sealing ? 1 : 0) == 1
        guard isCipherSet else { return false }
        var macKey = self.mac
        return unsafe OSSL_MAC_PARAM_DIGEST.withCString { digestName in
            unsafe OSSL_MAC_PARAM_KEY.withCString { keyName in
                var digest = Array("SHA256".utf8CString)
                let length = macKey.count
                return unsafe digest.withUnsafeMutableBufferPointer { digest in
                    unsafe macKey.withUnsafeMutableBytes { key in
                        var parameters = unsafe [
                            OSSL_PARAM_construct_octet_string(keyName, key.baseAddress, length),
                            OSSL_PARAM_construct_utf8_string(digestName, digest.baseAddress, 0),
                            OSSL_PARAM_construct_end(),
                        ]
                        return unsafe EVP_MAC_CTX_set_params(mac, &parameters) == 1
                    }
                }
            }
        }
    }
}
