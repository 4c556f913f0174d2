import Glibc

/// The descriptors of this process.
enum Descriptors {
    /// Number of descriptors that are kept for what is open beside connections: listening sockets, one epoll set a queue,
    /// standard streams, model and other files, with room.
    static let reserve = 64

    /// Opens what is closed of standard input, output and error. Else the next socket would get the number, and what is
    /// meant for the terminal would go to a client.
    static func openStandardStreams() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
            // The lowest free number is this one, since those below are open. Standard output is opened for reading, so that what is
            // printed does not count as written.
            _ = unsafe Glibc.open("/dev/null", number == STDOUT_FILENO ? O_RDONLY : O_RDWR)
        }
    }

    /// Number of open descriptors; nil where the system does not tell.
    static var open: Int? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        // Neither `.` and `..` nor the folder itself.
        return count - 3
    }

    /// Number of descriptors that may be open; nil where the system does not tell.
    static var limit: Int? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit of open descriptors to what this process may raise it to.
    /// - Returns: the limit.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        return Int(clamping: limit.rlim_cur)
    }

    /// Refuses more connections than there are descriptors for.
    /// - Parameter metricsConnections: those of `--metrics-listen`, beside the others.
    /// - Throws: ``ServiceFailure``.
    static func check(maxConnections: Int, metricsConnections: Int = 0, limit: Int) throws {
        let needed = maxConnections + metricsConnections + reserve
        guard needed <= limit else {
            let apart = metricsConnections > 0 ? ", with --max-metrics-connections \(metricsConnections)," : ""
            throw ExitStatus.configuration.failure(
                "--max-connections \(maxConnections)\(apart) needs \(needed) descriptors, and this process may open \(limit): "
                    + "raise its limit (ulimit -n, LimitNOFILE=) or lower --max-connections")
        }
    }
}
