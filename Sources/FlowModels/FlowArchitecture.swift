public import FlowCore

/// A whole flow that can be built from sizes alone: one file, one line in ``FlowRegistry``, one golden.
public protocol FlowArchitecture: Bijection {
    /// Name on the command line and in model files.
    static var architectureName: String { get }

    /// Initial weights drawn from `seed`; the map starts at (or close to) the identity.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that make no sense.
    init(dims: Int, hyperParameters: HyperParameters, seed: UInt64) throws

    /// Data-dependent initialisation, once, before the first step: `x` is a batch of preprocessed training rows.
    mutating func initialize(from x: Matrix) throws
}
