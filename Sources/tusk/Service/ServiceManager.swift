import Glibc
import HTTPServer
import System

/// A listening socket that was open when the process began.
struct PassedSocket: Equatable {
    var descriptor: Int32
    var name: String
}

/// Service manager: systemd, or whoever else speaks its protocols, sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
struct ServiceManager: Sendable {
    /// Socket to notify, by its path or name; nil when nobody wants to know.
    private let notifySocket: String?
    /// Time that the manager waits for a sign of life before it kills; nil when it does not.
    let watchdog: Duration?
    /// Sockets that the manager passed, in its order.
    let passedSockets: [PassedSocket]

    /// - Parameter environment: the value of an environment variable.
    /// - Throws: ``CommandError`` when the environment is not as the protocol says.
    init(processID: Int32 = getpid(), environment: (String) -> String? = environmentVariable) throws {
        // Variables that name another process came to us by inheritance, and are not for us.
        func isOurs(_ variable: String) -> Bool {
            environment(variable).map { $0 == "\(processID)" } ?? true
        }
        notifySocket = environment("NOTIFY_SOCKET")
        if let text = environment("WATCHDOG_USEC"), isOurs("WATCHDOG_PID") {
            guard let microseconds = Int64(text), microseconds > 0 else {
                throw CommandError("WATCHDOG_USEC is \(text); it must be a number of microseconds")
            }
            watchdog = .microseconds(microseconds)
        } else {
            watchdog = nil
        }
        guard let text = environment("LISTEN_FDS"), environment("LISTEN_PID") != nil, isOurs("LISTEN_PID") else {
            passedSockets = []
            return
        }
        // SD_LISTEN_FDS_START, and no more than a process may well have open.
        guard let count = Int32(text), (0...1024).contains(count) else {
            throw CommandError("LISTEN_FDS is \(text); it must be 0 to 1024")
        }
        let names = (environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        passedSockets = (0..<count).map { index in
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            return PassedSocket(descriptor: 3 + index, name: name.isEmpty ? "unknown" : name)
        }
    }

    /// The time now, which goes with `RELOADING=1`.
    static var time: String { "MONOTONIC_USEC=\(monotonicNow() / 1000)" }

    /// Sends `states`, such as `READY=1`, a line each.
    /// - Returns: what went wrong, if something did.
    func notify(_ states: [String]) -> String? {
        guard let notifySocket else { return nil }
        do throws(HTTPListenError) {
            var address =
                try notifySocket.hasPrefix("@")
                ? SocketAddress(abstractName: String(notifySocket.dropFirst())) : SocketAddress(unixPath: notifySocket)
            let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { throw .system(call: "socket", code: errno) }
            defer { close(socket) }
            let bytes = Array(states.joined(separator: "\n").utf8)
            let sent = unsafe address.withPointer { pointer, length in
                unsafe Int32(sendto(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length))
            }
            guard sent == bytes.count else { throw .system(call: "sendto", code: errno) }
            return nil
        } catch {
            return "cannot notify the service manager: \(error)"
        }
    }
}

/// The value of a variable of this process's environment.
func environmentVariable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
}
