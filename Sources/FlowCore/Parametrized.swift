/// Name and shape of one parameter array, as it stands in a model file.
public struct ParameterInfo: Sendable, Equatable {
    /// Dotted path inside the flow, such as `layers.0.weights.1`.
    public var name: String
    /// Row-major shape; the product is the array's count.
    public var shape: [Int]
    /// Live columns of each row of a masked matrix: row `u` is zero, and stays zero, from column `reach[u]` on. Nil where nothing
    /// is masked.
    public var reach: [Int]?
    /// Whether the array is never trained, such as a permutation: its gradient is zero, and no average is taken of it, which
    /// rounding might move.
    public var isFixed: Bool

    /// A trained array without masks, where nothing else is said.
    public init(name: String, shape: [Int], reach: [Int]? = nil, isFixed: Bool = false) {
        self.name = name
        self.shape = shape
        self.reach = reach
        self.isFixed = isFixed
    }

    /// Returns the array's description inside another part of the flow: `path` and a dot before its name.
    public func within(_ path: String) -> ParameterInfo {
        ParameterInfo(name: "\(path).\(name)", shape: shape, reach: reach, isFixed: isFixed)
    }
}

/// Gradient of one parameter array, computed some rows at a time, in any order and on any threads.
public struct ParameterGradient: Sendable {
    /// Name and shape of the parameter array.
    public var info: ParameterInfo
    /// Sets the span to the gradient of the rows in the range; in an array of one dimension every element is a row.
    public var compute: @Sendable (Range<Int>, inout MutableSpan<Float>) -> Void

    /// - Parameter compute: sets all values of its span, whatever they were.
    public init(info: ParameterInfo, compute: @escaping @Sendable (Range<Int>, inout MutableSpan<Float>) -> Void) {
        self.info = info
        self.compute = compute
    }
}

/// A type with parameters that are fitted by gradients and stored: a ``Bijection``, or what is fitted beside one.
public protocol Parametrized: Sendable {
    /// Tape of one forward pass; after the backward pass, what the parameters' gradients are made of.
    associatedtype Tape: Sendable
    /// Event width `D`.
    var dims: Int { get }
    /// Number of rows by whose multiples a batch may be cut for ``visitGradients(of:_:)``. By default a multiple of every
    /// vector's width; 1 where gradients are summed row by row.
    var partRows: Int { get }
    /// Most rows of a chain: the gradient of a step is a sum over chains of rows, and one chain after another has its tapes in memory.
    /// By default all rows, since large products are fast; fewer, of a number that follows from the sizes alone, where a row's
    /// activations are many.
    var chainRows: Int { get }
    /// Visits every parameter array, always in the same order, as optimisers, the moving average and the model file do. Arrays
    /// keep their counts; entries that a mask holds at zero must stay zero (their gradients are zero).
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows
    /// Visits the gradient of every parameter array, in the order of ``visitParameters(_:)``, from tapes that went all the way
    /// back: those of a batch that was cut into parts, in order, every part but the last of a multiple of ``partRows`` rows.
    /// Where the batch was cut changes no bit.
    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void)
}

extension Parametrized {
    public var partRows: Int { 16 }
    public var chainRows: Int { .max }

    /// Number of parameters, without entries that a mask holds at zero.
    public var parameterCount: Int {
        var count = 0
        var copy = self
        copy.visitParameters { info, _ in count += info.liveCount }
        return count
    }
}
