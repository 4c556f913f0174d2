import COpenSSL
import Glibc

/// The socket below OpenSSL. OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the peer is gone.
enum SocketBIO {
    /// - Returns: nil when there is no memory.
    static func make(_ descriptor: Int32) -> OpaquePointer? {
        guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
        // The descriptor itself, not an address; the transport that owns it outlives the BIO.
        unsafe BIO_set_data(bio, UnsafeMutableRawPointer(bitPattern: Int(descriptor)))
        return unsafe bio
    }

    /// Method of all such BIOs, one for the process, never freed.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = unsafe BIO_meth_new(kind, "tusk socket") else { return nil }
        let isSet =
            unsafe BIO_meth_set_read(method, read) == 1 && BIO_meth_set_write(method, write) == 1
            && BIO_meth_set_ctrl(method, control) == 1
        return unsafe isSet ? method : nil
    }()

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
        bio, bytes, count in
        unsafe perform(on: bio, retry: BIO_FLAGS_READ) { unsafe recv($0, bytes, Int(count), 0) }
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
        bio, bytes, count in
        unsafe perform(on: bio, retry: BIO_FLAGS_WRITE) { unsafe send($0, bytes, Int(count), Int32(MSG_NOSIGNAL)) }
    }

    /// Calls until no signal comes between; `retry` is told to OpenSSL when the socket is not ready.
    private static func perform(on bio: OpaquePointer?, retry: Int32, _ call: (Int32) -> Int) -> Int32 {
        unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        let descriptor = unsafe Int32(Int(bitPattern: BIO_get_data(bio)))
        while true {
            let count = call(descriptor)
            if count == 0 { unsafe BIO_set_flags(bio, BIO_FLAGS_IN_EOF) }
            if count >= 0 { return Int32(count) }
            if errno == EINTR { continue }
            if errno == EAGAIN { unsafe BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY) }
            return -1
        }
    }

    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
        bio, command, _, _ in
        switch command {
        case BIO_CTRL_FLUSH: 1  // nothing is held back here
        case BIO_CTRL_EOF: unsafe BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0
        default: 0
        }
    }
}
