import FoundationEssentials
import FlowModels
import Glibc

/// Replaces the file at `path` in one step: whoever reads sees the old bytes or the new ones.
/// - Throws: ``TrainingError/file(path:operation:reason:)``.
package func writeFile(_ bytes: [UInt8], to path: String) throws {
    try namingFile(path) { try ReplacingFile.write(to: path) { write in try write(bytes) } }
}

/// Has what the file system says of a write become an error that names the file.
/// - Throws: ``TrainingError/file(path:operation:reason:)``; what else `write` throws.
package func namingFile(_ path: String, _ write: () throws -> Void) throws {
    do {
        try write()
    } catch let error as POSIXError {
        throw fileError(error, path: path, operation: "write")
    }
}

/// What the file system said, in words.
package func fileError(_ error: any Error, path: String, operation: String) -> TrainingError {
    let system = error as? POSIXError ?? (error as? CocoaError)?.underlying as? POSIXError
    let reason =
        switch ((error as? CocoaError)?.code, system?.code) {
        case (.fileReadNoSuchFile?, _), (.fileNoSuchFile?, _), (_, .ENOENT?): "there is no such file or folder"
        case (.fileReadNoPermission?, _), (.fileWriteNoPermission?, _), (_, .EACCES?): "permission denied"
        case (.fileWriteOutOfSpace?, _), (_, .ENOSPC?): "no space left"
        case (_, let code?): unsafe String(cString: strerror(code.rawValue))
        default: "\(error)"
        }
    return .file(path: path, operation: operation, reason: reason)
}
