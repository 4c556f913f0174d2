import ArgumentParser
import HTTPServer

/// Exit status by the numbers of sysexits.h; docs/guide/lifecycle.md lists those of `tusk serve` with 0, 1, 64 and 130, and
/// those of `tusk score` as a part of a job.
enum ExitStatus: Int32 {
    /// Input that no other try makes sound, for engines: no number of sysexits.h, but the one of Kubernetes' own example of a policy.
    case badInput = 42
    /// A host that does not resolve.
    case noHost = 68
    /// An address in use.
    case unavailable = 69
    /// The system refuses what it should not.
    case system = 71
    /// A socket file that cannot be made.
    case cannotCreate = 73
    /// Something that a command other than `tusk serve` printed was not written.
    case output = 74
    /// Requests were cut off at the end; of a part of a job, what another try may mend.
    case temporary = 75
    /// A port or folder that this user may not use.
    case noPermission = 77
    /// Options or files that do not fit this machine or this process.
    case configuration = 78

    /// Says `message` in one line on standard error.
    /// - Returns: what to throw.
    func saying(_ message: String) -> ExitCode {
        Terminal.complain(message)
        return ExitCode(rawValue)
    }

    /// End of the service with this status, and `message` in one line on standard error, which nobody may read.
    func failure(_ message: String) -> ServiceFailure { ServiceFailure(status: self, message: message) }
}

/// Reason why the service ends otherwise than with status 0.
struct ServiceFailure: Error {
    var status: ExitStatus
    /// One line for standard error.
    var message: String
}

extension HTTPListenError {
    var exitStatus: ExitStatus {
        switch self {
        case .unknownHost: .noHost
        case .addressInUse: .unavailable
        case .permissionDenied: .noPermission
        case .cannotCreate: .cannotCreate
        case .noAddress, .addressNotAvailable, .invalidPort, .pathTooLong, .notASocketFile, .badDescriptor,
            .notListening:
            .configuration
        case .alreadyStarted, .system: .system
        }
    }
}
