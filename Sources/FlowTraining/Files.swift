import FoundationEssentials
import Glibc

/// Replaces the file at `path` in one step: whoever reads sees the old bytes or the new ones.
/// - Throws: ``TrainingError/file(path:operation:reason:)``.
package func writeFile(_ bytes: [UInt8], to path: String) throws {
    do {
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
        throw fileError(error, path: path, operation: "write")
    }
}

/// What the file system said, in words.
package func fileError(_ error: any Error, path: String, operation: String) -> TrainingError {
    let cocoa = error as? CocoaError
    let reason =
        switch cocoa?.code {
        case .fileReadNoSuchFile?, .fileNoSuchFile?: "there is no such file or folder"
        case .fileReadNoPermission?, .fileWriteNoPermission?: "permission denied"
        case .fileWriteOutOfSpace?: "no space left"
        default:
            if let system = cocoa?.underlying as? POSIXError {
                unsafe String(cString: strerror(system.code.rawValue))
            } else {
                "\(error)"
            }
        }
    return .file(path: path, operation: operation, reason: reason)
}
