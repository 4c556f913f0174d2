import FoundationEssentials

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
    let reason =
        switch (error as? CocoaError)?.code {
        case .fileReadNoSuchFile?, .fileNoSuchFile?: "there is no such file or folder"
        case .fileReadNoPermission?, .fileWriteNoPermission?: "permission denied"
        case .fileWriteOutOfSpace?: "no space left"
        case let code?: "error \(code.rawValue)"
        case nil: "\(error)"
        }
    return .file(path: path, operation: operation, reason: reason)
}
