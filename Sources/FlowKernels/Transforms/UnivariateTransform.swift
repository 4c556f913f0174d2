import CFlowKernels

/// A one-to-one map of one number with parameters from a conditioner, as couplings and masked autoregressive maps apply one to
/// each dimension. Parameters are unbounded, and zeros give the identity or a map near it.
///
/// Each kind has a file beside this one, which declares it; one in Reference, its plain twin; and a C file, its kernels.
public struct UnivariateTransform: Sendable {
    /// The kind, with its sizes.
    let kind: any TransformKind
    /// Number of parameters of a dimension; 0 where it follows from a size that is not allowed. Kernels take no such transform.
    public let parameterCount: Int
    /// The transform as C has it.
    let kernel: flow_transform

    init(_ kind: some TransformKind) {
        self.kind = kind
        parameterCount = kind.parameterCount
        let sizes = kind.kernelSizes
        precondition((0...Int(FLOW_MOST_PARAMETERS)).contains(parameterCount) && sizes.count <= 4)
        func size(_ i: Int) -> Float { i < sizes.count ? sizes[i] : 0 }
        kernel = flow_transform(
            kind: type(of: kind).kernel, count: Int32(parameterCount), sizes: (size(0), size(1), size(2), size(3)))
    }

    /// First of the sizes that is not allowed, or nil.
    public var fault: TransformFault? { kind.fault }
}

extension UnivariateTransform: Equatable {
    public static func == (a: UnivariateTransform, b: UnivariateTransform) -> Bool { a.kind.isEqual(to: b.kind) }
}

/// A size of a transform that is not allowed.
public struct TransformFault: Sendable, Equatable {
    /// Name of the size in model files, such as `tail_bound`.
    public let size: String
    /// Value of the size.
    public let value: String
    /// Allowed values in words, such as `2 to 64`.
    public let allowed: String

    package init(size: String, value: String, allowed: String) {
        self.size = size
        self.value = value
        self.allowed = allowed
    }

    /// Checks that `value` is in `range`; nil where it is.
    static func outside<Value>(_ range: ClosedRange<Value>, _ size: String, _ value: Value) -> TransformFault? {
        range.contains(value)
            ? nil
            : TransformFault(size: size, value: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
    }

    /// Checks that `value` is finite and above 0; nil where it is.
    static func notPositive(_ size: String, _ value: Float) -> TransformFault? {
        value > 0 && value.isFinite ? nil : TransformFault(size: size, value: "\(value)", allowed: "above 0")
    }
}

/// A kind of ``UnivariateTransform``: a value with its sizes.
protocol TransformKind: Sendable, Equatable {
    /// Line of the kind in the list of the C kernels.
    static var kernel: flow_transform_kind { get }
    /// First of the sizes that is not allowed, or nil.
    var fault: TransformFault? { get }
    /// Number of parameters of a dimension; 0 where it follows from a size that is not allowed.
    var parameterCount: Int { get }
    /// Sizes in the order in which the C kernels read them, at most four.
    var kernelSizes: [Float] { get }

    /// Computes `z` and `log dz/dx` at `x`, the plain twin of the kernels.
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double)
    /// Computes `x` and `log dx/dz` at `z`, the plain twin of the kernels.
    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double)
}

extension TransformKind {
    fileprivate func isEqual(to other: any TransformKind) -> Bool { other as? Self == self }
}
