package import Archives
package import System

/// File of a data set, read whole.
package struct DataFile: Sendable {
    /// Largest file that is read whole, bytes, before and after it is unpacked: 8 GiB.
    package static let maxBytes = 1 << 33

    /// Path as it was given.
    package let path: FilePath
    /// Contents, unpacked if they are gzip's.
    package let bytes: [UInt8]

    /// Reads the file at `path`, and unpacks it if it is gzip's and `unpacks` says so.
    /// - Throws: ``DataError`` when it is no regular file, larger than `maxBytes`, or a damaged gzip stream.
    package init(_ path: FilePath, maxBytes: Int = maxBytes, unpacks: Bool = true) throws(DataError) {
        self.path = path
        let stored: [UInt8]
        do {
            let file = try WholeFile(path)
            guard file.size <= maxBytes else {
                throw DataError.tooLarge(file: path.text, quantity: "bytes", value: file.size, limit: maxBytes)
            }
            stored = try file.contents(limit: maxBytes)
        } catch let error as DataError {
            throw error
        } catch {
            throw .unreadable(file: path.text, reason: "\(error)")
        }
        guard unpacks, stored.starts(with: DataInput.gzipMagic) else {
            bytes = stored
            return
        }
        do throws(ArchiveError) {
            bytes = try ByteReader(stored).gunzipped().rest(limit: maxBytes)
        } catch {
            throw DataError(error, gunzipping: path.text)
        }
    }

    /// Reads the file at `path`, in UTF-8.
    /// - Throws: as for a path of bytes.
    package init(_ path: String, maxBytes: Int = maxBytes) throws(DataError) {
        try self.init(FilePath(path), maxBytes: maxBytes)
    }
}

extension DataError {
    /// Error of reading the file or the archive's entry `file`.
    package init(_ error: ArchiveError, file: String) {
        switch error {
        case .damaged(let reason): self = .damaged(file: file, reason: reason)
        case .truncated: self = .damaged(file: file, reason: "it ends too early")
        case .unsupported(let feature): self = .unsupported(file: file, expected: "a file without it", found: feature)
        case .needsFile(let reason):
            self = .unsupported(file: file, expected: "the name of the file in place of a stream", found: reason)
        case .tooLarge(let quantity, let limit):
            self = .tooLarge(file: file, quantity: quantity, value: limit + 1, limit: limit)
        case .system(let error): self = .unreadable(file: file, reason: "\(error)")
        }
    }

    /// Error of unpacking the gzip file `file`.
    init(_ error: ArchiveError, gunzipping file: String) {
        switch error {
        case .truncated: self = .damaged(file: file, reason: "the gzip stream ends before its checksum")
        case .damaged(let reason): self = .damaged(file: file, reason: "gzip: \(reason)")
        case .tooLarge(_, let limit):
            self = .tooLarge(file: file, quantity: "unpacked bytes", value: limit + 1, limit: limit)
        default: self.init(error, file: file)
        }
    }
}
