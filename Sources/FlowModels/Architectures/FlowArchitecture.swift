public import FlowCore
import FlowKernels

/// A whole flow that can be built from sizes alone: one file, one line in ``FlowRegistry``, one golden.
public protocol FlowArchitecture: Bijection {
    /// Name on the command line and in model files.
    static var architectureName: String { get }

    /// Which of the sizes in its hyper-parameters it looks at, beside layers, hidden sizes and the activation.
    static var sizes: FlowSizes { get }
    /// Sizes to begin with, for images of some hundreds of pixels.
    static var defaultSizes: HyperParameters { get }

    /// Initial weights drawn from `seed`; the map starts at (or close to) the identity. Without a seed every parameter
    /// is zero, to be filled from a file. Flows of vectors look at the shape's number of dimensions alone.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that make no sense.
    init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws

    /// Numbers in the parameter arrays of such a flow that no mask holds at zero, or nil where that overflows. The loader
    /// compares it with what a file holds before anything is allocated; sizes are positive.
    static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int?

    /// Numbers in those arrays, masked zeros among them, or nil where that overflows: what the flow takes in memory. By default
    /// nothing is masked.
    static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int?

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

/// Kinds of sizes that only some architectures have.
public struct FlowSizes: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The bound of affine maps' log-scales.
    public static let affine = FlowSizes(rawValue: 1)
    /// Bins and tail bound of splines.
    public static let spline = FlowSizes(rawValue: 2)
    /// Kernel and gates of convolutional networks; without it networks may have residual blocks.
    public static let convolutional = FlowSizes(rawValue: 4)
    public static let scales = FlowSizes(rawValue: 8)
}

extension FlowArchitecture {
    public static var defaultSizes: HyperParameters {
        HyperParameters(layers: 5, hidden: [512, 512], logScaleBound: 5)
    }

    /// The sizes that matter, in words, such as `5 layers of [512, 512], relu, log-scales within ±3.0`.
    public static func description(of sizes: HyperParameters) -> String {
        var parts = ["\(sizes.layers) layers of \(sizes.hidden)", sizes.activation.rawValue]
        if self.sizes.contains(.convolutional) {
            parts[0] += ", convolutions of \(sizes.kernel)×\(sizes.kernel)"
            if sizes.isGated { parts.append("gated") }
        } else if sizes.isResidual {
            parts.append("residual")
        }
        if self.sizes.contains(.scales) { parts.append("\(sizes.scales) scales") }
        if self.sizes.contains(.affine) { parts.append("log-scales within ±\(sizes.logScaleBound)") }
        if self.sizes.contains(.spline) {
            parts.append("splines of \(sizes.bins) bins within ±\(sizes.tailBound)")
        }
        if sizes.classes > 0 { parts.append("\(sizes.classes) classes") }
        return parts.joined(separator: ", ")
    }
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

    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        parameterCount(shape: shape, hyperParameters: hyperParameters)
    }
}
