import FlowCore
import System

/// SHA-256 of what a model file holds, which is in its metadata and is verified at every load: of the record's text, and of the
/// tensors' bytes as they stand in the file. Names, types and places of the tensors are not in it, since a file in which these are
/// others is refused anyway. Files of programs before this one have none.
struct ContentHash {
    /// Key of the hash in the file's metadata.
    static let key = "sha256"
    private var digest = SHA256()

    /// Begins with the text of a record.
    init(record: String) { digest.update(Array(record.utf8).span) }

    /// Adds a tensor.
    mutating func add(_ values: [Float], _ precision: TensorPrecision) {
        Safetensors.write(values, precision) { digest.update($0.span) }
    }

    /// Returns the hash, 64 hexadecimal digits in lower case.
    mutating func hex() -> String { digest.hex() }

    /// Computes the hash of a file's contents; nil where it has no record.
    /// - Throws: ``SafetensorsError``.
    static func compute(_ metadata: [String: String], of bytes: RawSpan) throws -> String? {
        guard let record = metadata[ModelFile.recordKey] else { return nil }
        var hash = ContentHash(record: record)
        try Safetensors.addData(of: bytes, to: &hash.digest)
        return hash.hex()
    }

    /// Compares the hash in a file's metadata, if there is one, with its contents.
    /// - Throws: ``ModelFileError/damaged`` where they differ; ``SafetensorsError``.
    static func verify(_ metadata: [String: String], of bytes: RawSpan) throws {
        guard let expected = metadata[key], let actual = try compute(metadata, of: bytes) else { return }
        guard expected == actual else { throw ModelFileError.damaged }
    }
}

extension ModelFile {
    /// SHA-256 of the contents that a file's metadata has, hexadecimal; nil in files of programs that wrote none.
    /// - Throws: ``SafetensorsError``.
    package static func contentHash(of bytes: RawSpan) throws -> String? {
        try Safetensors.decode(bytes).metadata[ContentHash.key]
    }

    /// Adds to the model file at `path` the hash of its contents, if it has none; the tensors' bytes stay as they are. The model is
    /// loaded first, with all that is verified then.
    /// - Returns: the hash, hexadecimal, and whether the file had it.
    /// - Throws: ``ModelFileError``; ``SystemError``, what the file system says against the new file.
    public static func seal(path: String) throws -> (hash: String, wasSealed: Bool) {
        try withBytes(of: path) { bytes in
            _ = try load(bytes)
            let metadata = try Safetensors.decode(bytes).metadata
            if let hash = metadata[ContentHash.key] { return (hash, true) }
            return (try write(bytes, metadata: metadata, to: path), false)
        }
    }

    /// Writes the model file `bytes` with other metadata, and the hash of what it then holds; the tensors stay byte for byte.
    /// - Returns: the hash, hexadecimal.
    /// - Throws: ``ModelFileError/noRecord``; ``SafetensorsError``; ``SystemError``, what the file system says.
    static func write(_ bytes: RawSpan, metadata: [String: String], to path: String) throws -> String {
        guard let hash = try ContentHash.compute(metadata, of: bytes) else { throw ModelFileError.noRecord }
        var sealed = metadata
        sealed[ContentHash.key] = hash
        let written = sealed
        try ReplacingFile.write(to: path) { write in
            try Safetensors.rewrite(bytes, metadata: written, to: write)
        }
        return hash
    }
}
