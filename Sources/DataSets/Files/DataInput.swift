package import Archives
import Glibc
internal import Imaging
package import System

/// File of a data set, or standard input, that is read piece by piece.
package final class DataInput {
    /// Path as it was given; `-` for standard input.
    package let path: FilePath
    /// First bytes, unpacked if they are gzip's, as many as tell the format of the file.
    package let start: [UInt8]
    /// The file, any part of which can be read; nil for standard input.
    package let file: RandomAccessFile?
    /// Whether the bytes are gzip's, and read unpacked.
    package let isGzip: Bool
    /// Whether the path leads to it, so that others lie beside it.
    private let isInFolder: Bool
    private var stream: ByteReader?

    /// First two bytes of a gzip file.
    static let gzipMagic: [UInt8] = [0x1f, 0x8b]
    private static let startBytes = 512
    private static let standardInput = FilePath("-")

    /// - Parameter unfolds: whether bytes of gzip are read unpacked.
    private init(
        _ path: FilePath, _ bytes: ByteReader, file: RandomAccessFile?, isInFolder: Bool, unfolds: Bool
    ) throws(ArchiveError) {
        (self.path, self.file, self.isInFolder) = (path, file, isInFolder)
        isGzip = unfolds ? try bytes.peek(2).elementsEqual(Self.gzipMagic) : false
        let stream = isGzip ? bytes.gunzipped() : bytes
        start = try Array(stream.peek(Self.startBytes))
        self.stream = stream
    }

    /// Opens the file at `path`; `-` is standard input.
    /// - Throws: ``DataError`` when it is no regular file, or a damaged gzip stream.
    package convenience init(_ path: String) throws(DataError) { try self.init(opening: FilePath(path)) }

    /// Opens a file that is known to be there, such as one of a folder.
    /// - Throws: as for a path in UTF-8; ``DataError/notFetched(file:found:)`` for what stands where a file should be that was
    ///   not fetched.
    package convenience init(_ path: FilePath) throws(DataError) {
        try self.init(opening: path)
        guard let kind = fileKind(of: start), kind.isStandIn else { return }
        throw .notFetched(file: path.text, found: kind.phraseWithAdvice)
    }

    private convenience init(opening path: FilePath) throws(DataError) {
        let isInput = path == Self.standardInput
        do throws(ArchiveError) {
            // what stands before the program's name with < is a file as any other
            let file =
                if isInput { RandomAccessFile(standardInput: STDIN_FILENO) } else { try RandomAccessFile(path) }
            let bytes = file?.reader() ?? ByteReader(descriptor: STDIN_FILENO)
            try self.init(path, bytes, file: file, isInFolder: !isInput, unfolds: true)
        } catch {
            if error == .system(SystemError(ESPIPE)) {
                throw .unreadable(file: path.text, reason: "not a regular file; - reads standard input")
            }
            throw DataError(error, gunzipping: path.text)
        }
    }

    /// Bytes that are open already, and in no folder.
    /// - Parameters:
    ///   - path: their name in errors.
    ///   - file: the file that they are of, where any part of it can be read.
    /// - Throws: as for a path.
    package convenience init(_ path: FilePath, _ bytes: ByteReader, file: RandomAccessFile?) throws(DataError) {
        do throws(ArchiveError) {
            try self.init(path, bytes, file: file, isInFolder: false, unfolds: true)
        } catch {
            throw DataError(error, gunzipping: path.text)
        }
    }

    /// A file in an archive, which is read as it comes.
    /// - Parameter path: that of the archive, with a colon and the file's name behind it.
    /// - Throws: ``DataError`` when it cannot be read.
    package convenience init(_ path: FilePath, inArchive entry: ArchiveEntry) throws(DataError) {
        do throws(ArchiveError) {
            try self.init(path, entry.bytes(), file: nil, isInFolder: false, unfolds: false)
        } catch {
            throw DataError(error, file: path.text)
        }
    }

    /// The input as a file, any part of which can be read; a stream, and what gzip's bytes unfold to, is kept in memory or, where it
    /// has no room there, in the temporary file.
    /// - Throws: ``DataError``.
    func kept(_ options: DataOptions) throws(DataError) -> DataInput {
        if file != nil, !isGzip { return self }
        let file = try bytes().kept(
            memory: options.memory, limit: options.archive.unpackedBytes, folder: FilePath(options.scratch), error)
        do throws(ArchiveError) {
            return try DataInput(path, file.reader(), file: file, isInFolder: isInFolder, unfolds: false)
        } catch {
            throw self.error(error)
        }
    }

    /// Name of the file, without its folder.
    package var name: String { String(bytesOfName: path.name) }

    /// Length of what is read, bytes; nil where only the reading tells.
    package var size: Int? { isGzip ? nil : file?.size }

    /// Returns the bytes, unpacked if they are gzip's, from the first on.
    /// - Precondition: called once for each input.
    package func bytes() -> ByteReader {
        guard let stream = stream.take() else { preconditionFailure("read once") }
        return stream
    }

    /// Returns the error of reading this input.
    package func error(_ error: ArchiveError) -> DataError {
        isGzip ? DataError(error, gunzipping: path.text) : DataError(error, file: path.text)
    }

    /// Returns the folder that the file is in; nil for standard input.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    package func folder() throws(DataError) -> Folder? {
        isInFolder ? try Folder(path.folder) : nil
    }
}

extension String {
    /// File name without the ending `.gz`; another name is unchanged.
    var withoutGzip: Substring { hasSuffix(".gz") ? dropLast(3) : self[...] }
}
