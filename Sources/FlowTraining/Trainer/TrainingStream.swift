package import FlowCore

/// Use of randomness in a training. Each has streams of its own, so that nothing that is drawn depends on what was drawn before: a
/// resumed training continues with the numbers that it would have had.
package enum TrainingStream: UInt64 {
    // 0 is left to the initial weights
    case order = 1
    case augmentation = 2
    case noise = 3
    case validationNoise = 4
    case latent = 5

    /// Returns the source of the numbers for one entry of one epoch: an image, or an image again.
    package func source(seed: UInt64, epoch: Int = 0, entry: Int = 0) -> RandomStream {
        RandomStream(seed: seed, stream: stream(epoch: epoch, entry: entry))
    }

    /// Returns the number of the random stream of one entry of one epoch.
    func stream(epoch: Int = 0, entry: Int = 0) -> UInt64 { rawValue << 56 | UInt64(epoch) << 32 | UInt64(entry) }

    /// Most entries of an epoch: they have 32 bits in the key of a random stream.
    static let maxEntries = 1 << 32 - 1
}

extension RandomStream {
    /// Draws a number uniform on `0 ..< bound`, but for a bias of at most `bound`/2⁶⁴.
    ///
    /// The standard library's may change from one release to the next.
    mutating func integer(below bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// Draws a permutation of `0 ..< count`, by Fisher and Yates.
    package mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, integer(below: last + 1))
        }
        return order
    }
}
