internal import Compression
internal import System

/// File of a data set, read whole.
package struct DataFile: Sendable {
    /// Largest file that is read, bytes, before and after it is unpacked: 8 GiB.
    package static let maxBytes = 1 << 33

    /// Path as it was given.
    let path: String
    /// Contents, unpacked if they are gzip's.
    package let bytes: [UInt8]

    /// Reads the file at `path`, and unpacks it if it is gzip's.
    /// - Throws: ``DataError`` when it is no regular file, larger than `maxBytes`, or a damaged gzip stream.
    package init(_ path: String, maxBytes: Int = maxBytes) throws(DataError) {
        self.path = path
        let stored = try Self.stored(path, maxBytes: maxBytes)
        bytes = stored.starts(with: [0x1f, 0x8b]) ? try Self.unpacked(stored, path, maxBytes: maxBytes) : stored
    }

    /// Name of the file, without its folder.
    var name: String { String(path[nameStart...]) }

    /// Returns the folder that the file is in.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    func folder() throws(DataError) -> Folder? {
        try Folder(nameStart == path.startIndex ? "." : String(path[..<nameStart]))
    }

    private var nameStart: String.Index { path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex }

    private static func stored(_ path: String, maxBytes: Int) throws(DataError) -> [UInt8] {
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

    private static func unpacked(_ bytes: [UInt8], _ path: String, maxBytes: Int) throws(DataError) -> [UInt8] {
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
}

extension String {
    /// File name without the ending `.gz`; another name is unchanged.
    var withoutGzip: Substring { hasSuffix(".gz") ? dropLast(3) : self[...] }
}
