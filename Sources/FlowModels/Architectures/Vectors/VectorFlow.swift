public import FlowCore
public import FlowKernels
public import FlowLayers

/// A chain of maps of vectors, each of which takes the dimensions the other way round than the one before it.
public protocol VectorFlow: ChainFlow where Layer: VectorMap {
    /// What each transformed dimension goes through.
    static func transform(_ hyperParameters: HyperParameters) -> UnivariateTransform
    /// Whether a diagonal scaling stands behind the maps, as ``ChainFlow/scaling``; by default none.
    static var isScaled: Bool { get }
    init(standardize: ActNorm, layers: [Layer])
}

/// A map of vectors by its place in a chain.
public protocol VectorMap: Bijection {
    /// Starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Parameter isOdd: whether the map's place in the chain, from 0, is odd.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for bad sizes.
    init(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws
    /// Numbers in the arrays of such a map that no mask holds at zero, or nil where that overflows.
    static func parameterCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int?
    /// Numbers in those arrays, masked zeros among them, or nil where that overflows; by default nothing
    /// is masked.
    static func elementCount(dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform) -> Int?
}

extension VectorFlow {
    public static var isScaled: Bool { false }

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        try checkLayerCount(hyperParameters.layers)
        let layers = try (0..<hyperParameters.layers).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try Layer(
                dims: shape.dims, shape: hyperParameters.conditioner, isOdd: i % 2 == 1,
                transform: Self.transform(hyperParameters), random: &random)
        }
        self.init(standardize: ActNorm(dims: shape.dims), layers: layers)
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        count(shape, hyperParameters, of: Layer.parameterCount)
    }

    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        count(shape, hyperParameters, of: Layer.elementCount)
    }

    private static func count(
        _ shape: EventShape, _ sizes: HyperParameters,
        of map: (Int, ConditionerShape, Bool, UnivariateTransform) -> Int?
    ) -> Int? {
        var count = (isScaled ? 4 : 2) * shape.dims
        for i in 0..<sizes.layers {
            guard let own = map(shape.dims, sizes.conditioner, i % 2 == 1, transform(sizes)) else { return nil }
            let (sum, overflow) = count.addingReportingOverflow(own)
            if overflow { return nil }
            count = sum
        }
        return count
    }
}

extension VectorMap {
    public static func elementCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, isOdd: isOdd, transform: transform)
    }
}

extension Coupling: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(dims: dims, shape: shape, parity: isOdd ? 1 : 0, transform: transform, random: &random)
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, parity: isOdd ? 1 : 0, transform: transform)
    }
}

extension MaskedAutoregressive: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(dims: dims, shape: shape, reversed: isOdd, transform: transform, random: &random)
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        parameterCount(dims: dims, shape: shape, transform: transform)
    }

    public static func elementCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        elementCount(dims: dims, shape: shape, transform: transform)
    }
}

extension InverseAutoregressive: VectorMap {
    public init(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try self.init(Map(dims: dims, shape: shape, isOdd: isOdd, transform: transform, random: &random))
    }

    public static func parameterCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        Map.parameterCount(dims: dims, shape: shape, isOdd: isOdd, transform: transform)
    }

    public static func elementCount(
        dims: Int, shape: ConditionerShape, isOdd: Bool, transform: UnivariateTransform
    ) -> Int? {
        Map.elementCount(dims: dims, shape: shape, isOdd: isOdd, transform: transform)
    }
}
