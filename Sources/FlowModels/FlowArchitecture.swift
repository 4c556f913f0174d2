public import FlowCore

/// A whole flow that can be built from sizes alone: one file, one line in ``FlowRegistry``, one golden.
public protocol FlowArchitecture: Bijection {
    /// Name on the command line and in model files.
    static var architectureName: String { get }

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
}

extension FlowArchitecture {
    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        parameterCount(shape: shape, hyperParameters: hyperParameters)
    }
}
