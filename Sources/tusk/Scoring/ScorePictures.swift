import FlowTraining
import Glibc
import Imaging
import System

/// Files that `--plot` writes: one with all pictures, or one each in a folder.
struct ScorePictures {
    private let path: String
    private let isFolder: Bool

    /// - Throws: a `CommandError` where a file would be replaced that nobody said may be, or the path is neither a folder's nor a PNG's.
    init(_ path: String, overwrite: Bool) throws {
        self.path = path
        var status = stat()
        isFolder = unsafe path.hasSuffix("/") || stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        guard isFolder || path.hasSuffix(".png") else {
            throw CommandError("--plot \(path): it must end in .png, or be a folder")
        }
        for file in isFolder ? ScorePlots.names.map(file) : [path] {
            try checkReplacing(file, option: "--plot", overwrite: overwrite)
        }
    }

    private func file(_ name: String) -> String { (path.hasSuffix("/") ? path : path + "/") + name + ".png" }

    /// Writes the pictures that there are.
    /// - Throws: ``TrainingError/file(path:operation:reason:)``.
    func write(_ plots: ScorePlots) throws {
        let all = plots.all
        if all.isEmpty { return Terminal.warn("--plot \(path): nothing was scored, and there is nothing to draw") }
        if !isFolder { return try writeFile(encodePNG(stacked(all.map(\.image))), to: path) }
        if unsafe mkdir(path, 0o777) != 0, errno != EEXIST {
            throw TrainingError.file(path: path, operation: "make", reason: "\(SystemError())")
        }
        for (name, image) in all { try writeFile(encodePNG(image), to: file(name)) }
    }
}
