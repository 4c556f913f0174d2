internal import Imaging

/// Arrays in NumPy's format: `train.npy`, `[N, H, W]` or `[N, H, W, C]`, with the labels in `train-labels.npy` or
/// `train_labels.npy`.
enum NPYFormat: ArrayFormat {
    static let names = ["NPY"]
    static let layout = "NPY arrays called train.npy and train-labels.npy"

    static func role(of name: Substring) -> ArrayRole? {
        guard name.hasSuffix(".npy") else { return nil }
        let stem = name.dropLast(4)
        for ending in ["-labels", "_labels"] where stem.hasSuffix(ending) {
            let set = stem.dropLast(ending.count)
            return ArrayRole(set: String(set), split: Split(spelled: set), holdsLabels: true)
        }
        return ArrayRole(set: String(stem), split: Split(spelled: stem), holdsLabels: false)
    }

    static func recognizes(_ bytes: [UInt8]) -> Bool { NPYArray.isNPY(bytes) }

    static func images(_ file: DataFile) throws(DataError) -> NPYArray { try array(file) }

    static func labels(_ file: DataFile) throws(DataError) -> NPYArray { try array(file) }

    private static func array(_ file: DataFile) throws(DataError) -> NPYArray {
        do {
            return try NPYArray.decode(file.bytes)
        } catch {
            switch error {
            // sound files, of kinds that are not read
            case .invalidNPY("descr", let expected, let found), .invalidNPY("version", let expected, let found):
                throw .unsupported(file: file.path, expected: expected, found: found)
            case .invalidNPY(let field, let expected, let found):
                throw .damaged(file: file.path, reason: "\(field): expected \(expected), found \(found)")
            case .tooLarge(let quantity, let value, let limit):
                throw .tooLarge(file: file.path, quantity: quantity, value: value, limit: limit)
            default: throw .damaged(file: file.path, reason: "\(error)")
            }
        }
    }
}
