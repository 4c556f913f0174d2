import Glibc
package import HTTPWire

/// The time now by the monotonic clock, in nanoseconds.
package func monotonicNow() -> Nanoseconds {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Nanoseconds(time.tv_sec) * 1_000_000_000 + Nanoseconds(time.tv_nsec)
}

/// The value of Date, made once a second.
struct CachedDate {
    private var second = -1
    private var text: [UInt8] = []

    mutating func now() -> [UInt8] {
        let second = time(nil)
        if second != self.second {
            self.second = second
            text = Array(HTTPDate.format(secondsSince1970: second).utf8)
        }
        return text
    }
}
