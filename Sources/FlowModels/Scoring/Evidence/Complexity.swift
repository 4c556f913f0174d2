import Compression

/// Size of an image's levels after deflate, bytes: how much there is in it that a simple model cannot foresee.
///
/// Likelihoods of flows rise as images become simpler, whatever they show, so the two are judged together.
///
/// Source: Serrà et al., *Input Complexity and Out-of-distribution Detection with Likelihood-based Generative Models* (2020),
/// arXiv:1909.11480; jointly with the log-density: Osada, Takahashi and Nishide (AAAI 2024), arXiv:2402.10477.
enum Complexity {
    /// Level of deflate, of 0 to 9; another one gives other sizes, so it is fixed.
    static let level = 9

    /// Bytes of the zlib stream of `pixels`.
    static func bytes(of pixels: [UInt8]) -> Int { deflate(pixels, coding: .deflate, level: level).count }
}
