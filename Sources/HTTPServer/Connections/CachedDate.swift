import Glibc
import HTTPWire

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
