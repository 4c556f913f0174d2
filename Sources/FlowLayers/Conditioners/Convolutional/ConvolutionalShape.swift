import FlowCore
package import FlowKernels

/// Sizes of a convolutional conditioner, beside those of its key and of what it transforms.
package struct ConvolutionalShape: Sendable, Equatable {
    /// Channels of the residual stream, a multiple of 16.
    package var channels: Int
    /// Number of residual blocks.
    package var blocks: Int
    /// Side of the first convolution and of the first of every block, pixels, odd.
    package var kernel: Int
    /// Whether a block adds `v · sigmoid(g)` rather than `v`.
    package var isGated: Bool
    /// Activation of what convolutions read, the first one's key aside.
    package var activation: Activation
    /// Width of the context, such as a class as one-hot; 0 for none.
    package var contextDims: Int

    package init(
        channels: Int, blocks: Int, kernel: Int, isGated: Bool, activation: Activation, contextDims: Int = 0
    ) {
        self.channels = channels
        self.blocks = blocks
        self.kernel = kernel
        self.isGated = isGated
        self.activation = activation
        self.contextDims = contextDims
    }

    /// Refuses sizes of which no network is made.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    package func check() throws {
        func require(_ holds: Bool, _ argument: String, _ value: String, _ allowed: String) throws {
            guard holds else { throw FlowError.outOfRange(argument: argument, value: value, allowed: allowed) }
        }
        try require(
            channels > 0 && channels % 16 == 0, "hidden", "\(channels)",
            "multiples of 16 in a flow of images: channels of each residual block")
        try require(blocks > 0, "hidden", "no sizes", "one for each residual block")
        try require(kernel > 0 && kernel % 2 == 1, "kernel", "\(kernel)", "odd numbers")
        try require(contextDims >= 0, "context_dims", "\(contextDims)", "0 or more")
    }
}
