import Archives
import ArgumentParser
import Glibc
import System

extension SystemError {
    /// Whether another try may succeed: what the system lacks comes back, and what its network has lost.
    var isTemporary: Bool {
        [
            EIO, EAGAIN, ENOMEM, ENFILE, EMFILE, ENOSPC, EDQUOT, ESTALE, ETIMEDOUT, ENOBUFS, ECONNRESET, ENOTCONN,
            EHOSTDOWN,
            EHOSTUNREACH, ENETDOWN, ENETUNREACH, EBUSY, EPIPE,
        ].contains(code)
    }
}

/// Runs a part of a job, whose status says whether another try is worth it: 75 where it may be, 42 where it is not.
func runPart(_ body: () throws -> Void) throws {
    func ends(_ error: any Error, _ name: String = "") -> ExitCode {
        let system = error as? SystemError
        return (system?.isTemporary == true ? ExitStatus.temporary : .badInput).saying(name + "\(error)")
    }
    do {
        try body()
    } catch let status as ExitCode {
        // somebody who no longer reads may begin anew
        throw status.rawValue == ExitStatus.output.rawValue ? ExitCode(ExitStatus.temporary.rawValue) : status
    } catch ArchiveError.system(let error) {
        throw ends(error, "standard input: ")
    } catch let error as ArchiveError {
        throw ends(error, "standard input: it ")
    } catch {
        throw ends(error)
    }
}

/// Has an error of the system, of writing a part's output, name the file.
func namingPart(_ path: String, _ write: () throws -> Void) throws {
    do {
        try write()
    } catch let error as SystemError {
        throw (error.isTemporary ? ExitStatus.temporary : .badInput).saying("\(path): cannot be written: \(error)")
    }
}
