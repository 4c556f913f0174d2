/// Memory for the values of an image's tiles at the points of a minimal filter.
struct FilterRoom {
    /// Values of the inputs, `[points, tiles, inputs]`.
    var input: [Float] = []
    /// Products, `[points, tiles, outputs]`; of gradients, values of the gradients by outputs.
    var output: [Float] = []

    /// Returns the number of floats from one point to the next: one line of the cache more than there are numbers, without which the
    /// values of a tile at all points would share a few sets of the cache where the number of tiles is a power of two.
    static func pointStride(_ tiles: Int, _ channels: Int) -> Int { tiles * channels + 16 }
}
