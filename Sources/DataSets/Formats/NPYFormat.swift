internal import Archives
internal import Imaging
internal import System

/// Arrays in NumPy's format: `train.npy`, `[N, H, W]` or `[N, H, W, C]`, with the labels in `train-labels.npy`; also
/// `x_train.npy` with `y_train.npy`, and of data that is not divided `images.npy` with `labels.npy`.
enum NPYFormat: ArrayFormat {
    static let names = ["NPY"]
    static let layout =
        "NPY arrays called train.npy and train-labels.npy, or x_train.npy and y_train.npy, or images.npy and labels.npy"

    /// Words of the names of labels.
    private static let labelWords: Set<String> = ["labels", "label", "y", "targets", "target", "classes"]
    /// Words of the names of images that say nothing else.
    private static let imageWords: Set<String> = ["images", "image", "x", "data", "imgs"]

    static func role(of name: Substring) -> ArrayRole? {
        guard name.lowercased().hasSuffix(".npy") else { return nil }
        return role(ofArray: name.dropLast(4))
    }

    /// Returns what the array `name` of a file or an archive holds, as ``ArrayFormat/role(of:)`` does.
    static func role(ofArray name: Substring) -> ArrayRole {
        let words = name.split { "_-. ".contains($0) }.map { $0.lowercased() }
        let rest = words.filter { !labelWords.contains($0) && !imageWords.contains($0) }
        let set = rest.joined(separator: "-")
        return ArrayRole(
            set: set, split: Split(inNameOf: set), holdsLabels: words.contains(where: labelWords.contains))
    }

    static func recognizes(_ bytes: [UInt8]) -> Bool { NPYArray.isNPY(bytes) }

    static func images(_ file: DataInput) throws(DataError) -> ArrayReader { try array(file) }

    static func labels(_ file: DataInput) throws(DataError) -> ArrayReader { try array(file) }

    private static func array(_ file: DataInput) throws(DataError) -> ArrayReader {
        let path = file.path.text
        let bytes = file.bytes()
        do {
            let header = try NPYArray.readHeader(bytes.peek(NPYArray.longestHeader))
            try bytes.skip(header.bytes)
            guard header.isTransposed else {
                return try ArrayReader(
                    file, bytes, shape: header.shape, type: header.elementType, isBigEndian: header.isBigEndian,
                    headBytes: header.bytes)
            }
            // The first image of a transposed array needs all of it.
            let data = try bytes.rest(limit: DataFile.maxBytes)
            guard data.count == header.dataBytes else {
                throw DataError.truncated(
                    file: path, expected: header.bytes + header.dataBytes, found: header.bytes + data.count)
            }
            return try ArrayReader(
                file, ByteReader(header.canonical(data[...])), shape: header.shape, type: header.elementType,
                isBigEndian: false, headBytes: header.bytes)
        } catch let error as ArchiveError {
            throw file.error(error)
        } catch let error as ImagingError {
            throw DataError(error, ofArray: path)
        } catch let error as DataError {
            throw error
        } catch { preconditionFailure("nothing else is thrown") }
    }
}

extension DataError {
    /// Error of an NPY array.
    init(_ error: ImagingError, ofArray file: String) {
        switch error {
        // sound files, of kinds that are not read
        case .invalidNPY("descr", let expected, let found), .invalidNPY("version", let expected, let found):
            self = .unsupported(file: file, expected: expected, found: found)
        case .invalidNPY("magic", _, _): self = .wrongFormat(file: file, expected: ["NPY"])
        case .invalidNPY(let field, let expected, let found):
            self = .damaged(file: file, reason: "\(field): expected \(expected), found \(found)")
        case .tooLarge(let quantity, let value, let limit):
            self = .tooLarge(file: file, quantity: quantity, value: value, limit: limit)
        default: self = .damaged(file: file, reason: "\(error)")
        }
    }
}
