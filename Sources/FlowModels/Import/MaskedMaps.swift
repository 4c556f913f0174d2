import FlowCore
import FlowKernels

/// A masked autoregressive map of a checkpoint.
struct ForeignMaskedMap {
    var network: ForeignNetwork
    /// Place of each input of the network in the order of the map, from 0.
    var positions: [Int]
    /// Whether the order is falling.
    var isFalling: Bool
}

/// Puts masked maps together, in the order of data → latent for a flow that takes them so.
/// - Throws: ``FlowImportError``.
func maskedFlow(
    _ architecture: String, _ maps: [ForeignMaskedMap], _ options: FlowImportOptions, sizes: Sizes
) throws(FlowImportError) -> ForeignFlow {
    var sorted: [SortedNetwork] = []
    for map in maps {
        sorted.append(try SortedNetwork(map.network, positions: map.positions, activation: options.activation))
    }
    let depth = maps[0].network.layers.count
    guard maps.allSatisfy({ $0.network.layers.count == depth && $0.network.isResidual == maps[0].network.isResidual })
    else {
        throw .notSupported(
            key: maps[0].network.layers[0].key, reason: "the maps' networks have different numbers of layers")
    }
    var places = sorted[0].places
    for map in sorted { places = zip(places, map.places).map { max($0, $1) } }
    if maps[0].network.isResidual { places = places.map { _ in places.max()! } }
    var flow = ForeignFlow(architecture: architecture, sizes: sizes) {
        sorted.enumerated().reduce(into: [:]) { arrays, map in
            arrays.merge(map.element.arrays("layers.\(map.offset)", places: places)) { $1 }
        }
    }
    flow.sizes.describe(maps.map(\.isFalling), hidden: places.map { $0 * (options.shape.dims - 1) }, options)
    flow.sizes[VectorFields.residual] = maps[0].network.isResidual
    flow.sizes[VectorFields.order] = try order(maps.map(\.isFalling), key: maps[0].network.layers[0].key)
    return flow
}

/// A coupling of a checkpoint.
struct ForeignCoupling {
    var network: ForeignNetwork
    /// Whether the key has the odd indices.
    var isFalling: Bool
}

/// Puts couplings together, in the order of data → latent.
/// - Throws: ``FlowImportError``.
func couplingFlow(
    _ architecture: String, _ couplings: [ForeignCoupling], _ options: FlowImportOptions, sizes: Sizes
) throws(FlowImportError) -> ForeignFlow {
    let first = couplings[0].network
    guard couplings.allSatisfy({ $0.network.hidden == first.hidden && $0.network.isResidual == first.isResidual })
    else {
        throw .notSupported(key: first.layers[0].key, reason: "the couplings' networks have different widths")
    }
    var flow = ForeignFlow(architecture: architecture, sizes: sizes) {
        couplings.enumerated().reduce(into: [:]) { arrays, coupling in
            arrays.merge(coupling.element.network.arrays("layers.\(coupling.offset)")) { $1 }
        }
    }
    flow.sizes.describe(couplings.map(\.isFalling), hidden: first.hidden, options)
    flow.sizes[VectorFields.residual] = first.isResidual
    flow.sizes[VectorFields.order] = try order(couplings.map(\.isFalling), key: first.layers[0].key)
    return flow
}

extension Sizes {
    fileprivate mutating func describe(_ maps: [Bool], hidden: [Int], _ options: FlowImportOptions) {
        self[FlowFields.layers] = maps.count
        self[FlowFields.hidden] = hidden
        self[FlowFields.activation] = options.activation
    }
}

/// The order that has these maps falling.
/// - Throws: ``FlowImportError/notSupported(key:reason:)`` where none has.
private func order(_ isFalling: [Bool], key: String) throws(FlowImportError) -> DimensionOrder {
    // with one map two orders are right: the first is the standard one
    for order in DimensionOrder.allCases where isFalling.indices.allSatisfy({ order.isFalling($0) == isFalling[$0] }) {
        return order
    }
    throw .notSupported(key: key, reason: "the order of the dimensions neither alternates from map to map nor stays")
}

extension [Int] {
    /// Whether these are the indices from 0 in rising order.
    var isRising: Bool { enumerated().allSatisfy { $0 == $1 } }
    /// Whether these are the indices from 0 in falling order.
    var isFalling: Bool { enumerated().allSatisfy { count - 1 - $0 == $1 } }
}
