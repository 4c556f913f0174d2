public import FlowCore

/// A whole flow that can be built from sizes alone: one file, one line in ``FlowRegistry``, one golden.
public protocol FlowArchitecture: Bijection {
    /// Name on the command line and in model files.
    static var architectureName: String { get }

    /// Sizes that such a flow is built from, in the order in which they are listed.
    static var fields: [any SizeDescription] { get }
    /// Default sizes where they are not the fields' standard values; by default none.
    static var ownDefaults: Sizes { get }

    /// Builds the flow with initial weights drawn from `seed`, at or close to the identity. Without a seed every parameter is zero,
    /// to be filled from a file. Flows of vectors look at the shape's number of dimensions alone.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that make no sense.
    init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws

    /// Counts the numbers in the parameter arrays that no mask holds at zero; nil where the count overflows. The loader compares it
    /// with what a file holds before anything is allocated.
    /// - Precondition: sizes are positive.
    static func parameterCount(shape: EventShape, sizes: Sizes) -> Int?

    /// Counts the numbers in the parameter arrays, masked zeros among them: what the flow takes in memory; nil where the count
    /// overflows. By default nothing is masked.
    /// - Precondition: sizes are positive.
    static func elementCount(shape: EventShape, sizes: Sizes) -> Int?

    /// Initialises the flow from data, once, before the first step.
    /// - Parameter x: preprocessed training rows, `[batch, D]`; at least one.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    mutating func initialize(from x: Matrix) throws

    /// Adds residual blocks to every conditioner, behind those that it has, their weights drawn from `seed`. The density stays the
    /// same until they are trained. Flows of images can; by default others cannot.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` where there are no such blocks, or too many of them.
    mutating func appendBlocks(_ count: Int, seed: UInt64) throws

    /// Sets the fraction of the activations inside every residual block that taped passes, those of training, leave out. Flows of
    /// images can; by default others cannot.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` where there are no such blocks.
    mutating func setDropout(_ fraction: Float) throws
}

extension FlowArchitecture {
    public static var ownDefaults: Sizes { [:] }

    /// Default sizes, a value for each of ``fields``.
    public static var defaultSizes: Sizes {
        var sizes = ownDefaults
        for field in fields where sizes[field.name] == nil { sizes[field.name] = field.standardValue }
        return sizes
    }

    /// Describes sizes in words, such as `5 layers of [512, 512], relu, log-scales within ±3.0`.
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

    public mutating func setDropout(_ fraction: Float) throws {
        guard fraction == 0 else {
            throw FlowError.outOfRange(
                argument: "dropout", value: "\(fraction)",
                allowed: "0 with \(Self.architectureName), whose networks are not convolutional")
        }
    }

    public static func elementCount(shape: EventShape, sizes: Sizes) -> Int? {
        parameterCount(shape: shape, sizes: sizes)
    }
}
