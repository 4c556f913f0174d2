public import FlowCore
internal import Imaging

/// Hash of what a picture shows, in which pictures that differ by noise, compression or brightness differ in few bits.
///
/// The picture is shrunk to 9 × 8 gray pixels; a bit says whether a pixel is brighter than the one on its left.
///
/// Source: Krawetz, *Kind of Like That* (2013), The Hacker Factor Blog, "dHash".
public struct DifferenceHash: Hashable, Sendable {
    /// The 64 bits, of the first pixel in the highest.
    public let bits: UInt64

    /// Hash of an image of levels, row-major `[height, width, channels]`, 1 to 4 of them.
    public init(of levels: [UInt8], shape: EventShape) {
        guard let mode = ColorMode(channels: shape.channels) else { preconditionFailure("1 to 4 channels") }
        let small = Image(width: shape.width, height: shape.height, mode: mode, pixels: levels)
            .converted(to: .gray).fitted(width: 9, height: 8, fit: .stretch, padding: [0])
        var bits: UInt64 = 0
        for row in 0..<8 {
            for column in 0..<8 {
                let place = row * 9 + column
                bits = bits << 1 | (small.pixels[place + 1] > small.pixels[place] ? 1 : 0)
            }
        }
        self.bits = bits
    }

    /// Number of bits in which two hashes differ.
    public func distance(to other: DifferenceHash) -> Int { (bits ^ other.bits).nonzeroBitCount }
}

/// Hashes by their parts, in which those near a given one are found without looking at all.
///
/// Two hashes that differ in at most `distance` bits are equal in one of `distance + 1` parts at least.
struct NearHashes {
    let distance: Int
    private var parts: [[UInt64: [DifferenceHash]]]

    /// - Parameter distance: most bits in which near hashes differ; 0 to 15.
    init(_ hashes: some Sequence<DifferenceHash>, distance: Int) {
        precondition((0...15).contains(distance))
        self.distance = distance
        parts = Array(repeating: [:], count: distance + 1)
        for hash in Set(hashes) {
            for part in parts.indices { parts[part][key(hash, part), default: []].append(hash) }
        }
    }

    private func key(_ hash: DifferenceHash, _ part: Int) -> UInt64 {
        let (low, high) = (part * 64 / (distance + 1), (part + 1) * 64 / (distance + 1))
        let width = high - low
        return width == 64 ? hash.bits : hash.bits >> UInt64(low) & (1 << UInt64(width) - 1)
    }

    /// Whether a hash is near one of these.
    func hasNear(_ hash: DifferenceHash) -> Bool {
        parts.indices.contains { part in
            parts[part][key(hash, part)]?.contains { $0.distance(to: hash) <= distance } ?? false
        }
    }
}
