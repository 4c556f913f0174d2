import FlowTraining
import Glibc
import System

/// Files of a training: the model, its curve as numbers and as a picture, and the checkpoint.
extension TrainingSession {
    /// Path of the model file without its suffix.
    var base: String { output.hasSuffix(".safetensors") ? String(output.dropLast(".safetensors".count)) : output }
    var checkpoint: String { base + ".checkpoint" }
    var curve: String { base + ".csv" }
    var plot: String { base + ".png" }

    /// Whether the training begins with a checkpoint.
    var isResumed: Bool { resume && exists(checkpoint) }

    /// Checks the options of the session, and runs `body`, a training, while no other process writes to the same files.
    /// - Throws: ``CommandError`` before `body` runs, where another one does, or something would be lost that nobody said may be; what
    ///   `body` throws.
    func exclusively(_ body: () throws -> Void) throws {
        try check()
        // A reader of our output that goes away shall not take the training with it.
        _ = signal(SIGPIPE, SIG_IGN)
        let folder = output.contains("/") ? String(output[..<output.lastIndex(of: "/")!]) + "/" : "."
        guard unsafe access(folder, W_OK) == 0 else {
            throw CommandError("--output \(output): the folder does not exist or cannot be written")
        }
        let lock = try lock()
        try checkNothingIsLost()
        for path in [output, checkpoint, curve, plot] {
            try namingFile(path) { try ReplacingFile.removeAbandoned(of: path) }
        }
        do { try body() } catch {
            _ = consume lock
            throw error
        }
        _ = consume lock
    }

    private func lock() throws -> FileLock {
        let path = base + ".lock"
        do throws(FileLock.Failure) {
            return try FileLock(path)
        } catch {
            switch error {
            case .held(let process):
                let other = process.map { "process \($0)" } ?? "another process"
                throw CommandError("--output \(output): \(other) is training it now, and holds \(path)")
            case .system(let error):
                throw CommandError("--output \(output): \(path) cannot be made: \(error)")
            }
        }
    }

    private func checkNothingIsLost() throws {
        let there = [output, checkpoint, curve, plot].filter(exists)
        for path in there {
            var status = stat()
            // a link that leads nowhere is replaced as a file is
            guard unsafe stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
                throw CommandError("--output \(output): \(path) is no regular file")
            }
        }
        if there.isEmpty || overwrite || isResumed { return }
        let list = there.joined(separator: ", ")
        throw CommandError(
            exists(checkpoint)
                ? "\(list) would be replaced: --resume continues from the checkpoint, --overwrite begins anew"
                : "\(list) would be replaced, and there is no checkpoint to continue from: --overwrite begins anew")
    }
}
