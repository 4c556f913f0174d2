internal import Compression
internal import FoundationEssentials
internal import Glibc
internal import System

/// Reads the files of a data set.
package enum DataFile {
    /// The largest file that is read, before and after it is unpacked: 8 GiB.
    package static let maxBytes = 1 << 33

    /// All bytes of a regular file, unpacked if they are gzip's.
    package static func read(_ path: String, maxBytes: Int = maxBytes) throws(DataError) -> [UInt8] {
        let bytes = try readStored(path, maxBytes: maxBytes)
        guard bytes.starts(with: [0x1f, 0x8b]) else { return bytes }
        do {
            return try inflate(bytes, coding: .gzip, limit: maxBytes)
        } catch {
            switch error {
            case .truncated: throw .damaged(file: path, reason: "the gzip stream ends before its checksum")
            case .damaged(let reason): throw .damaged(file: path, reason: "gzip: \(reason)")
            case .outputTooLarge(let limit):
                throw .tooLarge(file: path, quantity: "unpacked bytes", value: limit + 1, limit: limit)
            case .trailingBytes: throw .damaged(file: path, reason: "bytes after the gzip stream")
            }
        }
    }

    private static func readStored(_ path: String, maxBytes: Int) throws(DataError) -> [UInt8] {
        do {
            let file = try WholeFile(path)
            guard file.size <= maxBytes else {
                throw DataError.tooLarge(file: path, quantity: "bytes", value: file.size, limit: maxBytes)
            }
            return try file.contents(limit: maxBytes)
        } catch let error as DataError {
            throw error
        } catch {
            throw .unreadable(file: path, reason: "\(error)")
        }
    }

    /// Names in a folder, hidden ones left out, in the order of their code points; nil when it is not a folder.
    static func names(in folder: String) throws(DataError) -> [String]? {
        guard let isFolder = isFolder(folder) else { throw .unreadable(file: folder, reason: "\(SystemError())") }
        guard isFolder else { return nil }
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            return names.filter { !$0.hasPrefix(".") }
                .sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        } catch {
            throw .unreadable(file: folder, reason: "the folder cannot be listed")
        }
    }

    /// nil when there is nothing at `path`, or it cannot be looked at.
    static func isFolder(_ path: String) -> Bool? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
