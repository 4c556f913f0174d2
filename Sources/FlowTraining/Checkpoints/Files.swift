import System

/// Replaces the file at `path` in one step: whoever reads sees the old bytes or the new ones.
/// - Throws: ``TrainingError/file(path:operation:reason:)``.
package func writeFile(_ bytes: [UInt8], to path: String) throws {
    try namingFile(path) { try ReplacingFile.write(bytes, to: path) }
}

/// Runs `write`; what the system says against it becomes an error that names the file.
/// - Throws: ``TrainingError/file(path:operation:reason:)``; what else `write` throws.
package func namingFile(_ path: String, _ write: () throws -> Void) throws {
    do {
        try write()
    } catch let error as SystemError {
        throw TrainingError.file(path: path, operation: "write", reason: "\(error)")
    }
}
