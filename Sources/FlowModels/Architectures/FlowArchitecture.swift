public import FlowCore

/// A whole flow that can be built from sizes alone: one file, one line in ``FlowRegistry``, one golden.
public protocol FlowArchitecture: Bijection {
    /// Name on the command line and in model files.
    static var architectureName: String { get }

    /// Sizes that such a flow is built from, in the order in which they are listed.
    static var fields: [any SizeDescription] { get }
    /// Sizes to begin with where they are not the fields' standard ones; by default none.
    static var ownDefaults: Sizes { get }

    /// Initial weights drawn from `seed`; the map starts at (or close to) the identity. Without a seed every parameter
    /// is zero, to be filled from a file. Flows of vectors look at the shape's number of dimensions alone.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that make no sense.
    init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws

    /// Numbers in the parameter arrays of such a flow that no mask holds at zero, or nil where that overflows. The loader
    /// compares it with what a file holds before anything is allocated; sizes are positive.
    static func parameterCount(shape: EventShape, sizes: Sizes) -> Int?

    /// Numbers in those arrays, masked zeros among them, or nil where that overflows: what the flow takes in memory. By default
    /// nothing is masked.
    static func elementCount(shape: EventShape, sizes: Sizes) -> Int?

    /// Data-dependent initialisation, once, before the first step: `x` is a batch of preprocessed training rows.
    mutating func initialize(from x: Matrix) throws

    /// Adds residual blocks to every conditioner, behind those that it has, their weights drawn from `seed`. The density stays the
    /// same until they are trained. Flows of images can; by default others cannot.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` where there are no such blocks, or too many of them.
    mutating func appendBlocks(_ count: Int, seed: UInt64) throws

    /// Has taped passes, which are those of training, leave out a `share` of the activations inside of every residual block. Flows
    /// of images can; by default others cannot.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` where there are no such blocks.
    mutating func setDropout(_ share: Float) throws
}

extension FlowArchitecture {
    public static var ownDefaults: Sizes { [:] }

    /// Sizes to begin with, a value for each of the fields.
    public static var defaultSizes: Sizes {
        var sizes = ownDefaults
        for field in fields where sizes[field.name] == nil { sizes[field.name] = field.standardValue }
        return sizes
    }

    /// The sizes in words, such as `5 layers of [512, 512], relu, log-scales within ±3.0`.
    public static func description(of sizes: Sizes) -> String { sizes.description(of: fields) }
}

extension FlowArchitecture {
    public mutating func appendBlocks(_ count: Int, seed: UInt64) throws {
        guard count == 0 else {
            throw FlowError.outOfRange(
                argument: "blocks to add", value: "\(count)",
                allowed: "0 with \(Self.architectureName), whose networks are not convolutional")
        }
    }

    public mutating func setDropout(_ share: Float) throws {
        guard share == 0 else {
            throw FlowError.outOfRange(
                argument: "dropout", value: "\(share)",
                allowed: "0 with \(Self.architectureName), whose networks are not convolutional")
        }
    }

    public static func elementCount(shape: EventShape, sizes: Sizes) -> Int? {
        parameterCount(shape: shape, sizes: sizes)
    }
}
