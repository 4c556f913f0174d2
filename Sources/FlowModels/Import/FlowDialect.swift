public import FlowCore
public import FlowKernels

/// How a library names and means the tensors of one of its flows. A new one is a line of ``FlowDialects``.
protocol FlowDialect: Sendable {
    /// Name on the command line.
    static var name: String { get }
    /// Library, its versions that were looked at, and the flow, in words.
    static var summary: String { get }
    /// Options that it needs beside those of every dialect.
    static var needs: [FlowImportOptions.Need] { get }
    /// Takes the flow out of a checkpoint.
    /// - Throws: ``FlowImportError``.
    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow
}

/// What a checkpoint does not say of its flow.
public struct FlowImportOptions: Sendable {
    /// An option that some dialects need.
    public enum Need: String, Sendable {
        /// ``FlowImportOptions/slope``.
        case slope
        /// ``FlowImportOptions/tailBound``.
        case tailBound = "tail-bound"
    }

    /// Name of the dialect.
    public var dialect: String
    /// Height, width and channels of an image; its dimensions are those of the flow, `[height, width, channels]` row-major.
    public var shape: EventShape
    /// Number of values of a dimension of an image.
    public var levels: Int
    /// `α` of the logit map that the flow was trained behind; see ``Preprocessing``.
    public var logitAlpha: Double
    /// Name of the model.
    public var name: String
    /// Activation between the linear maps.
    public var activation: Activation
    /// zuko's `slope`; nil where it is not given.
    public var slope: Double?
    /// Bound of the range that splines bend; nil where it is not given.
    public var tailBound: Float?

    public init(
        dialect: String, shape: EventShape, levels: Int, logitAlpha: Double, name: String,
        activation: Activation = .relu,
        slope: Double? = nil, tailBound: Float? = nil
    ) {
        self.dialect = dialect
        self.shape = shape
        self.levels = levels
        self.logitAlpha = logitAlpha
        self.name = name
        self.activation = activation
        self.slope = slope
        self.tailBound = tailBound
    }
}

/// A flow of a checkpoint in our terms: an architecture with its sizes, and its arrays by their names, masked zeros among them.
struct ForeignFlow {
    var architecture: String
    var sizes: Sizes
    /// Makes the arrays, once the sizes have been found to be allowed.
    var arrays: () -> [String: [Float]]
}

/// Every dialect that is imported; a new one is a line here.
public enum FlowDialects {
    static let all: [any FlowDialect.Type] = [
        NFlowsMAF.self, NFlowsRealNVP.self, NFlowsSplineAutoregressive.self, NFlowsSplineCoupling.self,
        ZukoMAF.self, ZukoRealNVP.self, NormflowsMAF.self,
    ]

    /// Names of all dialects.
    public static var names: [String] { all.map { $0.name } }

    /// A line for each dialect: its name and what it is.
    public static var summaries: [(name: String, summary: String)] { all.map { ($0.name, $0.summary) } }
}
