import Glibc
import Synchronization
import System

/// Output of the commands.
enum Terminal {
    static var isInteractive: Bool { isatty(STDOUT_FILENO) != 0 }

    /// Whether somebody sees on standard error how a command gets on, and nothing else comes between.
    ///
    /// - Parameter outputIsElsewhere: whether results go to a file rather than to standard output.
    static func showsProgress(outputIsElsewhere: Bool) -> Bool {
        isatty(STDERR_FILENO) != 0 && (outputIsElsewhere || !isInteractive)
    }

    /// Shows `text` in the place of what this showed last on standard error, a terminal; "" takes that away.
    static func showProgress(_ text: String) { say("\r\u{1B}[K" + text) }

    /// First error of standard output.
    private static let failure = Mutex<SystemError?>(nil)

    /// Prints at once, unbuffered, so that a pipe sees a line when it is written. An error is kept for ``endOutput()``: a training
    /// does not end because nobody reads what it says.
    static func write(_ text: String) {
        do throws(SystemError) {
            try write(Array(text.utf8), to: STDOUT_FILENO)
        } catch {
            failure.withLock { $0 = $0 ?? error }
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                // Someone else made the output non-blocking; for a write it is the same.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
            } else if errno != EINTR {
                throw SystemError()
            }
        }
    }

    static func line(_ text: String) { write(text + "\n") }

    /// Prints records of a result at once.
    /// - Throws: what the system says: where nobody gets the rest, there is no sense in making it.
    static func put(_ bytes: [UInt8]) throws(SystemError) { try write(bytes, to: STDOUT_FILENO) }

    /// Ends standard output. A file system may say only now that something was not written (close(2)).
    /// - Throws: the first error of all that was written.
    static func endOutput() throws(SystemError) {
        let closed = close(STDOUT_FILENO) == 0 || errno == EINTR ? nil : SystemError()
        if let error = failure.withLock({ $0 }) ?? closed { throw error }
    }

    /// Says on standard error why the command ends, as the argument parser would.
    static func complain(_ text: String) { say("Error: \(text)\n") }

    /// Says on standard error what is wrong but ends nothing.
    static func warn(_ text: String) { say("Warning: \(text)\n") }

    private static func say(_ text: String) {
        // where that cannot be written there is no place left to say so
        try? write(Array(text.utf8), to: STDERR_FILENO)
    }
}

/// Text of `value` with `places` decimals.
func fixed(_ value: Double, plusMinus error: Double?, _ places: Int) -> String {
    fixed(value, places) + (error.map { " ± \(fixed($0, places))" } ?? "")
}

/// Text of a number with so many decimal places.
func fixed(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
    let scaled = (abs(value) * scale).rounded()
    let whole = Int64(scaled / scale)
    let fraction = Int64(scaled - Double(whole) * scale)
    let digits = String(fraction)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if places == 0 { return "\(sign)\(whole)" }
    return "\(sign)\(whole)." + String(repeating: "0", count: places - digits.count) + digits
}

/// Text of a time, `1:02:03`, or `2:03` below an hour.
func duration(_ seconds: Double) -> String {
    let total = Int(min(max(seconds, 0), 1e9).rounded())
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
}

/// Text of a number of things: `1 file`, `2,000 files`.
func counted(_ n: Int, _ thing: String) -> String { "\(grouped(n)) \(thing)\(n == 1 ? "" : "s")" }

/// Text of `n` with commas between thousands.
func grouped(_ n: Int) -> String {
    var result = ""
    for (i, digit) in String(n).reversed().enumerated() {
        if i > 0, i % 3 == 0, digit != "-" { result.append(",") }
        result.append(digit)
    }
    return String(result.reversed())
}
