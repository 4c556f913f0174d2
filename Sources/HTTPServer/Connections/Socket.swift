import Glibc
package import System

/// A new stream socket that neither blocks nor outlives an `exec`.
/// - Throws: ``HTTPListenError/system(call:code:)``.
package func newStreamSocket(family: Int32) throws(HTTPListenError) -> Descriptor {
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(family, Int32(SOCK_STREAM.rawValue) | flags, 0)
    guard number >= 0 else { throw .system(call: "socket", code: errno) }
    return Descriptor(number)
}

/// Sets an option of a socket.
/// - Throws: ``HTTPListenError/system(call:code:)``.
func setOption(_ number: Int32, _ level: Int32, _ option: Int32, _ value: Int32 = 1) throws(HTTPListenError) {
    var value = value
    guard unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
        throw .system(call: "setsockopt", code: errno)
    }
}

/// Value of a socket's option; nil when the socket has no such option, or `number` is no socket.
package func option(_ number: Int32, _ level: Int32, _ option: Int32) -> Int32? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(number, level, option, &value, &length) == 0 ? value : nil
}
