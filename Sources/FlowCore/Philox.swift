import FlowKernels
import Glibc

/// Philox4x32-10, a counter-based generator: block `index` of a stream is a function of `(seed, stream, index)` alone,
/// so that nothing depends on what was drawn before or beside it.
///
/// The key is the seed; the counter's low half is the index and its high half the stream.
///
/// Source: Salmon, Moraes, Dror, Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3* (SC 2011), §3.3; the published
/// known-answer vectors of Random123 are in the tests.
public struct Philox: Sendable {
    /// Key of the generator.
    public let seed: UInt64
    /// High half of the counter, which numbers the streams of a seed.
    public let stream: UInt64

    /// The stream numbered `stream` of the generator whose key is `seed`.
    public init(seed: UInt64, stream: UInt64) {
        self.seed = seed
        self.stream = stream
    }

    /// Computes block `index` of the stream: four words that no other `(seed, stream, index)` has, but by chance.
    public func block(at index: UInt64) -> SIMD4<UInt32> {
        Self.block(
            counter: SIMD4(
                UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
                UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)),
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    }

    /// Applies the ten rounds of the generator's bijection to a counter.
    package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let first = c.x.multipliedFullWidth(by: 0xD251_1F53)
            let second = c.z.multipliedFullWidth(by: 0xCD9E_8D57)
            c = SIMD4(second.high ^ c.y ^ k.x, second.low, first.high ^ c.w ^ k.y, first.low)
            k &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)  // Weyl constants of the paper
        }
        return c
    }
}

/// A cursor over one Philox stream, for draws one after another.
public struct RandomStream: RandomNumberGenerator, Sendable {
    private let philox: Philox
    private var index: UInt64 = 0
    private var block: SIMD4<UInt32> = .zero
    private var used = 4

    /// A cursor at the first word of a stream.
    public init(seed: UInt64, stream: UInt64) {
        philox = Philox(seed: seed, stream: stream)
    }

    private mutating func word() -> UInt32 {
        if used == 4 {
            block = philox.block(at: index)
            index += 1
            used = 0
        }
        defer { used += 1 }
        return block[used]
    }

    public mutating func next() -> UInt64 {
        let low = word()
        return UInt64(word()) << 32 | UInt64(low)
    }

    /// Draws uniformly on the open interval `(0, 1)`: the middles of 2²³ equal cells, so that neither end is ever drawn.
    public mutating func uniform() -> Float {
        (Float(word() >> 9) + 0.5) * 0x1p-23
    }

    /// Draws a standard normal, by Box and Muller (1958) from one pair of words.
    public mutating func normal() -> Float {
        // in (0, 1], so that the logarithm is finite
        let radius = (-2 * log((Double(word()) + 1) * 0x1p-32)).squareRoot()
        return Float(radius * cos(2 * .pi * Double(word()) * 0x1p-32))
    }
}

extension RandomStream {
    /// Sets `count` numbers from `offset` on to the first that ``uniform()`` gives on a new stream, bit for bit, many at a time.
    public static func uniforms(
        seed: UInt64, stream: UInt64, to y: inout MutableSpan<Float>, offset: Int = 0, count: Int
    ) {
        Kernels.best.uniforms(seed: seed, stream: stream, to: &y, offset: offset, count: count)
    }

    /// Sets `count` numbers from `offset` on to the first that ``normal()`` gives on a new stream, many at a time, equal to one
    /// unit in the last place.
    public static func normals(
        seed: UInt64, stream: UInt64, to y: inout MutableSpan<Float>, offset: Int = 0, count: Int
    ) {
        Kernels.best.normals(seed: seed, stream: stream, to: &y, offset: offset, count: count)
    }
}
