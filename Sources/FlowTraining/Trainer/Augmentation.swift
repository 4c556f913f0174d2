package import FlowCore
import FlowModels

/// Augmentation of one training image in one epoch.
package struct Augmentation: Equatable {
    /// Whether left and right are exchanged.
    package var mirrored = false
    /// Pixels that the image moves to the right.
    package var right = 0
    /// Pixels that the image moves down.
    package var down = 0

    package init(mirrored: Bool = false, right: Int = 0, down: Int = 0) {
        self.mirrored = mirrored
        self.right = right
        self.down = down
    }

    /// Draws the augmentation of an entry of an epoch.
    package static func draw(options: TrainingOptions, epoch: Int, entry: Int) -> Augmentation {
        var source = TrainingStream.augmentation.source(seed: options.seed, epoch: epoch, entry: entry)
        var result = Augmentation()
        // both are always drawn, so that one option does not change what the other does
        let mirrored = source.integer(below: 2) == 1
        if options.horizontalFlips { result.mirrored = mirrored }
        if options.shift > 0 {
            result.right = source.integer(below: 2 * options.shift + 1) - options.shift
            result.down = source.integer(below: 2 * options.shift + 1) - options.shift
        }
        return result
    }

    /// Returns `pixels`, row-major `[height, width, channels]`, mirrored and then moved; level 0 comes in.
    package func applied(to pixels: ArraySlice<UInt8>, shape: EventShape) -> [UInt8] {
        if self == Augmentation() { return Array(pixels) }
        let (height, width, channels) = (shape.height, shape.width, shape.channels)
        var result = [UInt8](repeating: 0, count: shape.dims)
        for row in max(0, down)..<max(0, down, height + min(0, down)) {
            for column in max(0, right)..<max(0, right, width + min(0, right)) {
                let from = mirrored ? width - 1 - (column - right) : column - right
                let source = pixels.startIndex + ((row - down) * width + from) * channels
                let target = (row * width + column) * channels
                for channel in 0..<channels {
                    result[target + channel] = pixels[source + channel]
                }
            }
        }
        return result
    }
}
