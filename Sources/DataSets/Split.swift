import FlowCore
import System

/// A part of a data set.
public enum Split: String, Sendable, CaseIterable, Codable {
    /// Images to learn from.
    case train
    /// Images to choose by: when to stop, which weights to keep.
    case validation
    /// Images only for the figures that are reported.
    case test
    /// Every image.
    case all

    /// The three parts, without `all`.
    static let parts: [Split] = [.train, .validation, .test]

    /// Words in the names of files and folders by which a split is known.
    private var spellings: [String] {
        switch self {
        case .train: ["train", "training", "trn"]
        case .validation: ["validation", "valid", "val", "dev"]
        case .test: ["test", "testing", "tst", "t10k"]
        case .all: []
        }
    }

    /// Words that say nothing beside a split's, as in `train_images` and `Test Set`.
    private static let fillers: Set<String> = [
        "data", "dataset", "image", "images", "img", "imgs", "set", "split", "x", "pictures", "photos",
    ]

    /// Finds the part that `word` names, whatever its case; nil for another word.
    init?(spelled word: some StringProtocol) {
        let lower = word.lowercased()
        guard let split = Self.parts.first(where: { $0.spellings.contains(lower) }) else { return nil }
        self = split
    }

    /// Finds the part that a name is of, whatever its case: the word for it, alone or beside words that say nothing and a year, as
    /// in `train`, `Test Set`, `val2017` or `images_dev`; nil for another name.
    package init?(inNameOf name: [UInt8]) {
        guard let text = String(validating: name, as: UTF8.self) else { return nil }
        self.init(inNameOf: text)
    }

    /// Finds the part that a name in UTF-8 is of.
    package init?(inNameOf name: some StringProtocol) {
        let words = name.lowercased().split { " _-.".contains($0) }
        var found: [Split] = []
        for word in words {
            if let split = Split(spelled: word) ?? Split(spelled: word.trimmingDigits) {
                found.append(split)
            } else if !Self.fillers.contains(String(word)), !word.allSatisfy(\.isNumber) {
                return nil
            }
        }
        guard let first = found.first, found.count == 1 else { return nil }
        self = first
    }

    /// Spellings of each part, for help: `train (training, trn)`.
    package static var words: String {
        parts.map { "\($0.rawValue) (\($0.spellings.dropFirst().joined(separator: ", ")))" }.joined(separator: ", ")
    }

    /// Part that an image of this digest falls into, where the splits in `present` (with `train`) have files of their own: a tenth
    /// each for validation and for test is cut out of what remains for training, if it has no file.
    static func cut(_ digest: UInt64, present: Set<Split>) -> Split {
        switch digest % 10 {
        case 8 where !present.contains(.validation): .validation
        case 9 where !present.contains(.test): .test
        default: .train
        }
    }
}

extension Substring {
    /// The word without digits at its end.
    fileprivate var trimmingDigits: Substring {
        var word = self
        while word.last?.isNumber == true { word.removeLast() }
        return word
    }
}

/// Digest of an image by which it falls into a split, of SHA-256 of the lesser of the image and its mirror image: equal images are
/// never on both sides, mirrored ones neither, and adding images moves none.
/// - Parameter image: row-major `[height, width, channels]`.
func splitDigest(of image: [UInt8], shape: EventShape) -> UInt64 {
    let mirrored = flipHorizontally(image[...], shape: shape)
    let digest = SHA256.digest(image.lexicographicallyPrecedes(mirrored) ? image : mirrored)
    return digest[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
}
