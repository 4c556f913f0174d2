public import FlowCore
public import FlowKernels
public import FlowLayers

/// A chain of maps of vectors, each of which by default takes the dimensions the other way round than the one before it.
public protocol VectorFlow: ChainFlow where Layer: VectorMap {
    /// Family of the univariate transform that each transformed dimension goes through.
    associatedtype Transform: TransformFamily
    /// Whether a diagonal scaling stands behind the maps, as ``ChainFlow/scaling``; by default none.
    static var isScaled: Bool { get }
    /// Assembles the flow from its maps, with a scaling at the identity where it ``isScaled``.
    init(standardize: ActNorm, layers: [Layer])
}

/// Sizes of flows of vectors beside those of every chain.
public enum VectorFields {
    /// Whether conditioners have residual blocks; see ``ConditionerShape/isResidual``.
    public static let residual = SizeField<Bool>(
        "residual", standard: false, isRequired: false,
        help: "Residual blocks of two linear maps each after the first; --hidden is then an odd number of equal sizes."
    ) { $0 ? "residual" : nil }
    /// Order in which each map takes the dimensions; see ``DimensionOrder``.
    public static let order = SizeField<DimensionOrder>(
        "order", standard: .risingFalling, isRequired: false, isOption: false,
        help: "Order in which the maps take the dimensions."
    ) { $0 == .risingFalling ? nil : "\($0.rawValue)" }
}

/// Order in which the maps of a flow of vectors take the dimensions, the first map first. A coupling of the rising order has even
/// indices as its key, one of the falling order odd ones.
public enum DimensionOrder: String, Sendable, Codable, CaseIterable, SizeRepresentable {
    /// Each map the other way round than the one before it, the first in rising order.
    case risingFalling = "rising-falling"
    /// Each map the other way round than the one before it, the first in falling order.
    case fallingRising = "falling-rising"
    /// All maps in rising order.
    case rising
    /// All maps in falling order.
    case falling

    /// Whether map `i`, from 0, takes the dimensions in falling order.
    func isFalling(_ i: Int) -> Bool {
        switch self {
        case .risingFalling: i % 2 == 1
        case .fallingRising: i % 2 == 0
        case .rising: false
        case .falling: true
        }
    }
}

extension Sizes {
    /// Shape of each conditioner of a flow of vectors.
    fileprivate var conditioner: ConditionerShape {
        ConditionerShape(
            hidden: self[FlowFields.hidden], activation: self[FlowFields.activation],
            isResidual: self[VectorFields.residual], contextDims: classes)
    }
}

/// A map of vectors that is built for its place in a chain.
public protocol VectorMap: Bijection {
    /// Builds a map at the identity, its hidden layers drawn from `random`; without it every parameter is zero.
    /// - Parameter isFalling: whether the map takes the dimensions in falling order; see ``DimensionOrder``.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for bad sizes.
    init(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws
    /// Counts the numbers in the arrays of such a map that no mask holds at zero; nil where the count overflows.
    static func parameterCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int?
    /// Counts the numbers in the arrays of such a map, masked zeros among them; nil where the count overflows. By default nothing
    /// is masked.
    static func elementCount(dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform)
        -> Int?
}

extension VectorFlow {
    public static var isScaled: Bool { false }

    public static var fields: [any SizeDescription] {
        [FlowFields.layers, FlowFields.hidden, FlowFields.activation, VectorFields.residual, VectorFields.order]
            + Transform.fields + [FlowFields.classes]
    }

    public init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws {
        let count = sizes[FlowFields.layers]
        try checkLayerCount(count)
        let order = sizes[VectorFields.order]
        let layers = try (0..<count).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try Layer(
                dims: shape.dims, shape: sizes.conditioner, isFalling: order.isFalling(i),
                transform: Transform.transform(sizes), random: &random)
        }
        self.init(standardize: ActNorm(dims: shape.dims), layers: layers)
    }

    public static func parameterCount(shape: EventShape, sizes: Sizes) -> Int? {
        count(shape, sizes, of: Layer.parameterCount)
    }

    public static func elementCount(shape: EventShape, sizes: Sizes) -> Int? {
        count(shape, sizes, of: Layer.elementCount)
    }

    private static func count(
        _ shape: EventShape, _ sizes: Sizes,
        of map: (Int, ConditionerShape, Bool, UnivariateTransform) -> Int?
    ) -> Int? {
        var count = (isScaled ? 4 : 2) * shape.dims
        let (conditioner, transform, order) = (
            sizes.conditioner, Transform.transform(sizes), sizes[VectorFields.order]
        )
        for i in 0..<sizes[FlowFields.layers] {
            guard let own = map(shape.dims, conditioner, order.isFalling(i), transform) else { return nil }
            let (sum, overflow) = count.addingReportingOverflow(own)
            if overflow { return nil }
            count = sum
        }
        return count
    }
}

extension VectorMap {
    public static func elementCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, isFalling: isFalling, transform: transform)
    }
}

extension Coupling: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(dims: dims, shape: shape, parity: isFalling ? 1 : 0, transform: transform, random: &random)
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, parity: isFalling ? 1 : 0, transform: transform)
    }
}

extension MaskedAutoregressive: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(dims: dims, shape: shape, reversed: isFalling, transform: transform, random: &random)
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, transform: transform)
    }

    public static func elementCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        elementCount(dims: dims, shape: shape, transform: transform)
    }
}

extension InverseAutoregressive: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(Map(dims: dims, shape: shape, isFalling: isFalling, transform: transform, random: &random))
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        Map.parameterCount(dims: dims, shape: shape, isFalling: isFalling, transform: transform)
    }

    public static func elementCount(
        dims: Int, shape: ConditionerShape, isFalling: Bool, transform: UnivariateTransform
    ) -> Int? {
        Map.elementCount(dims: dims, shape: shape, isFalling: isFalling, transform: transform)
    }
}
