import Glibc

/// Failure of a call of the operating system, by its `errno`.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The `errno` of the failure.
    public let code: Int32

    /// The failure of the calling thread's last call.
    public init() { code = errno }

    /// The failure of `code`, an `errno`.
    public init(_ code: Int32) { self.code = code }

    /// The system's words for the code (strerror_r(3)), such as "No such file or directory".
    public var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(zeroTerminated: buffer)
    }
}

extension String {
    /// The text of a buffer that C ended with a zero.
    package init(zeroTerminated buffer: [CChar]) {
        self.init(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
