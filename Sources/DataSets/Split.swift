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
        case .test: ["test", "testing", "t10k"]
        case .all: []
        }
    }

    /// Finds the part that `word` names, whatever its case; nil for another word.
    init?(spelled word: some StringProtocol) {
        let lower = word.lowercased()
        guard let split = Self.parts.first(where: { $0.spellings.contains(lower) }) else { return nil }
        self = split
    }

    /// Spellings of each part, for help: `train (training, trn)`.
    package static var words: String {
        parts.map { "\($0.rawValue) (\($0.spellings.dropFirst().joined(separator: ", ")))" }.joined(separator: ", ")
    }
}

extension ImageDataSet {
    /// Returns what `split` takes of this set, when the splits in `present` (with `train`) have their own files or folders.
    ///
    /// A tenth each for validation and for test is cut out of what remains for training, if it has no file of its own.
    /// Where an image goes is decided by its content alone (SHA-256 of the lesser of the image and its mirror image),
    /// so equal images are never on both sides, mirrored ones neither, and adding images moves none.
    func divided(_ split: Split, present: Set<Split>) -> ImageDataSet {
        if split == .all { return self }
        return subset(
            (0..<count).filter { index in
                let image = Array(self[index])
                let mirrored = flipHorizontally(self[index], shape: shape)
                let digest = SHA256.digest(image.lexicographicallyPrecedes(mirrored) ? image : mirrored)
                let number = digest[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let part: Split =
                    switch number % 10 {
                    case 8 where !present.contains(.validation): .validation
                    case 9 where !present.contains(.test): .test
                    default: .train
                    }
                return part == split
            })
    }
}
