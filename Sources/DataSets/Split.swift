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
        case .train: ["train", "training", "trn", "trainval"]
        case .validation: ["validation", "valid", "val", "dev", "validate", "eval", "evaluation", "minival"]
        case .test: ["test", "testing", "tst", "t10k", "holdout", "heldout"]
        case .all: []
        }
    }

    /// Words that say nothing beside a split's, as in `train_images` and `Test Set`.
    private static let fillers: Set<String> = [
        "data", "dataset", "datasets", "image", "images", "img", "imgs", "set", "split", "x", "pictures", "photos",
    ]

    /// Finds the part that `word` names, whatever its case; nil for another word.
    init?(spelled word: some StringProtocol) {
        let lower = word.lowercased()
        guard let split = Self.parts.first(where: { $0.spellings.contains(lower) }) else { return nil }
        self = split
    }

    /// Finds the part that a name is of, whatever its case: the word for it, alone or with words that say nothing and a year, as
    /// in `train`, `Test Set`, `TrainImages`, `testset`, `val2017` or `images_dev`; nil for another name.
    package init?(inNameOf name: [UInt8]) {
        guard let text = String(validating: name, as: UTF8.self) else { return nil }
        self.init(inNameOf: text)
    }

    /// Finds the part that a name in UTF-8 is of.
    package init?(inNameOf name: some StringProtocol) {
        guard let found = NamedSplit(name), found.others.isEmpty else { return nil }
        self = found.split
    }

    /// Finds the parts that folders beside one another are of, by their names: every name says one as ``init(inNameOf:)`` reads it, or all
    /// have the same other words beside that, as in `imagenet-train` and `imagenet-val`, or all are abbreviated, `tr` and `te`.
    /// - Returns: the parts in the order of the names; nil for a name that says none.
    static func parts(ofNames names: [[UInt8]]) -> [Split?] {
        let texts = names.map { String(validating: $0, as: UTF8.self) }
        let plain = texts.map { $0.flatMap { Split(inNameOf: $0) } }
        if plain.contains(where: { $0 != nil }) { return plain }
        let short = texts.map { $0.flatMap { abbreviations[$0.lowercased()] } }
        if names.count > 1, Set(short.compactMap(\.self)).count == names.count { return short }
        let named = texts.map { $0.flatMap { NamedSplit($0) } }
        let isOfOne = Set(named.map { $0?.others }).count == 1
        return names.count > 1 && isOfOne && Set(named.compactMap { $0?.split }).count == names.count
            ? named.map { $0?.split } : plain
    }

    /// Abbreviations that are words of their own elsewhere.
    private static let abbreviations: [String: Split] = [
        "tr": .train, "va": .validation, "vl": .validation, "te": .test, "ts": .test,
    ]

    /// The one split that the words of a name say, and the words that say something else.
    struct NamedSplit {
        let split: Split
        let others: [String]

        /// Nil where the words say no split, or several.
        init?(_ name: some StringProtocol) {
            var found: [Split] = []
            var others: [String] = []
            for word in Split.words(of: name) {
                if let split = Self.split(in: word) {
                    found.append(split)
                } else if !Split.fillers.contains(word), !word.allSatisfy(\.isNumber) {
                    others.append(word)
                }
            }
            guard let first = found.first, found.count == 1 else { return nil }
            (split, self.others) = (first, others)
        }

        /// Split that a word says by itself, with a year behind it, or grown together with one that says nothing: `trainset`, `xtest`.
        private static func split(in word: String) -> Split? {
            let stem = word.trimmingDigits
            if let split = Split(spelled: word) ?? Split(spelled: stem) { return split }
            for filler in Split.fillers {
                if stem.hasSuffix(filler), let split = Split(spelled: stem.dropLast(filler.count)) { return split }
                if stem.hasPrefix(filler), let split = Split(spelled: stem.dropFirst(filler.count)) { return split }
            }
            return nil
        }
    }

    /// Splits that some word of a name says.
    static func all(inNameOf name: some StringProtocol) -> Set<Split> {
        Set(words(of: name).compactMap { NamedSplit($0)?.split })
    }

    /// Whether a name is one that says nothing, such as `images`.
    static func isFiller(_ name: [UInt8]) -> Bool {
        guard let text = String(validating: name, as: UTF8.self) else { return false }
        let words = words(of: text)
        return !words.isEmpty && words.allSatisfy { fillers.contains($0) }
    }

    /// Words of a name in lower case: parts between blanks and signs, and from one capital that follows a small letter to the next.
    private static func words(of name: some StringProtocol) -> [String] {
        var words: [String] = []
        for part in name.split(whereSeparator: { " _-.".contains($0) }) {
            var word = ""
            for character in part {
                if character.isUppercase, word.last?.isLowercase == true {
                    words.append(word.lowercased())
                    word = ""
                }
                word.append(character)
            }
            words.append(word.lowercased())
        }
        return words
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

extension String {
    /// The word without digits at its end.
    fileprivate var trimmingDigits: Substring {
        var word = self[...]
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
