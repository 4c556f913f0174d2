import FlowCore
import FlowKernels
import FlowLayers

private let root = "_transform._transforms"

/// What nflows' flows have around their maps: a standard normal base, whose constant older versions saved, and no embedding.
private func ignoreBase(_ tensors: inout StateDict) { tensors.ignore("_distribution._log_z") }

/// Raw scale and shift of an affine map as our two parameters: nflows' scale is `softplus(u) + 10⁻³` or `σ(u + 2) + 10⁻³`.
private func affine(shift: Int, scale: Int, _ function: ScaleFunction) -> [ForeignParameter] {
    let offset = function == .softplus ? -UnivariateTransform.softplusOffset : 2 - UnivariateTransform.logisticOffset
    return [ForeignParameter(row: shift), ForeignParameter(row: scale, offset: offset)]
}

/// Parameters of a spline: widths, heights, inner derivatives, in nflows' order, which is ours. nflows divides widths and heights by the root of
/// the number of hidden units where its network says it, and its derivatives are softplus of what ours are moved by.
private func spline(first: Int, bins: Int, scale: Float) -> [ForeignParameter] {
    (0..<3 * bins - 1).map { j in
        j < 2 * bins
            ? ForeignParameter(row: first + j, scale: scale)
            : ForeignParameter(row: first + j, offset: -UnivariateTransform.softplusOffset)
    }
}

/// Takes a network of nflows: an initial layer, blocks, a final layer.
func nflowsNetwork(
    _ tensors: inout StateDict, _ prefix: String, inputs: Int, isMasked: Bool
) throws(FlowImportError) -> ForeignNetwork {
    var layers = [try tensors.takeLinear("\(prefix).initial_layer", inputs: inputs, isMasked: isMasked)]
    let isResidual = tensors.has(prefix: "\(prefix).blocks.0.linear_layers.")
    if tensors.has(prefix: "\(prefix).context_layer") || tensors.has(prefix: "\(prefix).blocks.0.context_layer") {
        throw .notSupported(
            key: "\(prefix).context_layer.weight",
            reason: "the flow is conditioned on a context; flows without one are imported")
    }
    var block = 0
    while tensors.has(prefix: "\(prefix).blocks.\(block).") {
        for norm in ["batch_norm", "batch_norm_layers.0"]
        where tensors.has(prefix: "\(prefix).blocks.\(block).\(norm).") {
            throw .notSupported(
                key: "\(prefix).blocks.\(block).\(norm).weight",
                reason: "batch normalisation within a network is not imported; train with use_batch_norm=False")
        }
        let names = isResidual ? ["linear_layers.0", "linear_layers.1"] : ["linear"]
        for name in names {
            layers.append(
                try tensors.takeLinear(
                    "\(prefix).blocks.\(block).\(name)", inputs: layers[layers.count - 1].outputs, isMasked: isMasked))
        }
        block += 1
    }
    layers.append(
        try tensors.takeLinear("\(prefix).final_layer", inputs: layers[layers.count - 1].outputs, isMasked: isMasked))
    return ForeignNetwork(layers: layers, isResidual: isResidual, parameters: [])
}

/// Takes the masked maps of an autoregressive flow, with the reversals between them; `parameters` makes those of dimension `i` of the number of
/// rows of a network's last map.
private func maskedMaps(
    _ tensors: inout StateDict, dims: Int, _ parameters: (Int, Int) throws(FlowImportError) -> [ForeignParameter]
) throws(FlowImportError) -> [ForeignMaskedMap] {
    ignoreBase(&tensors)
    var maps: [ForeignMaskedMap] = []
    var isFalling = false
    var i = 0
    while tensors.has(prefix: "\(root).\(i).") {
        let prefix = "\(root).\(i)"
        i += 1
        if tensors.has("\(prefix)._permutation") {
            let permutation = try tensors.takeIndices("\(prefix)._permutation", count: dims)
            guard permutation.isRising || permutation.isFalling else {
                throw .notSupported(
                    key: "\(prefix)._permutation",
                    reason: "is neither the identity nor a reversal; random permutations are not imported")
            }
            if permutation.isFalling { isFalling.toggle() }
            continue
        }
        guard !tensors.has("\(prefix).running_mean") else {
            throw .notSupported(
                key: "\(prefix).running_mean",
                reason: "batch normalisation between maps is not imported; train with batch_norm_between_layers=False")
        }
        var network = try nflowsNetwork(&tensors, "\(prefix).autoregressive_net", inputs: dims, isMasked: true)
        let rows = network.layers[network.layers.count - 1].outputs
        for d in 0..<dims { network.parameters.append(try parameters(d, rows)) }
        maps.append(ForeignMaskedMap(network: network, positions: Array(0..<dims), isFalling: isFalling))
    }
    guard !maps.isEmpty else { throw .missingKey("\(root).1.autoregressive_net.initial_layer.weight") }
    return maps
}

/// Takes the couplings of a flow; `parameters` makes those of the transformed dimension `i` of `n`, of the number of rows of the network's last
/// map and its width.
private func couplings(
    _ tensors: inout StateDict, dims: Int,
    _ parameters: (_ i: Int, _ n: Int, _ rows: Int, _ width: Int) throws(FlowImportError) -> [ForeignParameter]
) throws(FlowImportError) -> [ForeignCoupling] {
    ignoreBase(&tensors)
    var couplings: [ForeignCoupling] = []
    var i = 0
    while tensors.has(prefix: "\(root).\(i).") {
        let prefix = "\(root).\(i)"
        i += 1
        if tensors.has("\(prefix)._permutation") {
            let permutation = try tensors.takeIndices("\(prefix)._permutation", count: dims)
            guard permutation.isRising else {
                throw .notSupported(
                    key: "\(prefix)._permutation",
                    reason: "permutations between couplings are not imported; alternate the masks")
            }
            continue
        }
        guard !tensors.has(prefix: "\(prefix).unconditional_transform.") else {
            throw .notSupported(
                key: "\(prefix).unconditional_transform", reason: "a transform of the key is not imported")
        }
        let key = try tensors.takeIndices("\(prefix).identity_features")
        let moved = try tensors.takeIndices("\(prefix).transform_features")
        let isFalling = key.first == 1
        guard key == Array(stride(from: isFalling ? 1 : 0, to: dims, by: 2)),
            moved == Array(stride(from: isFalling ? 0 : 1, to: dims, by: 2))
        else {
            throw .notSupported(
                key: "\(prefix).identity_features",
                reason: "the key is not every other dimension: only alternating masks are imported")
        }
        var network = try nflowsNetwork(&tensors, "\(prefix).transform_net", inputs: key.count, isMasked: false)
        let last = network.layers[network.layers.count - 1]
        for d in moved.indices { network.parameters.append(try parameters(d, moved.count, last.outputs, last.inputs)) }
        couplings.append(ForeignCoupling(network: network, isFalling: isFalling))
    }
    guard !couplings.isEmpty else { throw .missingKey("\(root).0.identity_features") }
    return couplings
}

/// Number of bins of splines with `3K − 1` parameters for each of `dims` dimensions.
private func bins(rows: Int, dims: Int) throws(FlowImportError) -> Int {
    guard rows % dims == 0, (rows / dims + 1) % 3 == 0 else {
        throw .notSupported(
            key: root,
            reason: "\(rows) parameters for \(dims) dimensions are no splines with linear tails, which have 3K - 1 each"
        )
    }
    return (rows / dims + 1) / 3
}

/// Sizes of splines of so many bins.
private func splineSizes(_ bins: Int, _ options: FlowImportOptions) -> Sizes {
    var sizes = Sizes()
    sizes[SplineTransform.bins] = bins
    sizes[SplineTransform.tailBound] = options.tailBound ?? SplineTransform.tailBound.standard
    return sizes
}

/// `nflows.flows.MaskedAutoregressiveFlow`.
enum NFlowsMAF: FlowDialect {
    static let name = "nflows-maf"
    static let summary = "nflows 0.14, MaskedAutoregressiveFlow: plain or residual, reversed between maps"
    static let needs: [FlowImportOptions.Need] = []

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let dims = options.shape.dims
        let maps = try maskedMaps(&tensors, dims: dims) { (i, rows) throws(FlowImportError) in
            guard rows == 2 * dims else {
                throw .notSupported(
                    key: root, reason: "\(rows) parameters for \(dims) dimensions; affine maps have two each")
            }
            return affine(shift: 2 * i + 1, scale: 2 * i, .softplus)
        }
        var sizes = Sizes()
        sizes[AffineTransform.scaleFunction] = .softplus
        return try maskedFlow(MaskedAutoregressiveFlow.architectureName, maps, options, sizes: sizes)
    }
}

/// `nflows.flows.SimpleRealNVP` and composites of `AffineCouplingTransform` with alternating masks.
enum NFlowsRealNVP: FlowDialect {
    static let name = "nflows-realnvp"
    static let summary = "nflows 0.14, SimpleRealNVP and affine couplings with alternating masks"
    static let needs: [FlowImportOptions.Need] = []

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let all = try couplings(&tensors, dims: options.shape.dims) { (i, n, rows, _) throws(FlowImportError) in
            guard rows == 2 * n else {
                throw .notSupported(
                    key: root,
                    reason: "\(rows) parameters for \(n) dimensions; affine couplings with a scale have two each")
            }
            return affine(shift: i, scale: n + i, .logistic)
        }
        var sizes = Sizes()
        sizes[AffineTransform.scaleFunction] = .logistic
        return try couplingFlow(AffineCouplingFlow.architectureName, all, options, sizes: sizes)
    }
}

/// Composites of nflows' `MaskedPiecewiseRationalQuadraticAutoregressiveTransform` with linear tails.
enum NFlowsSplineAutoregressive: FlowDialect {
    static let name = "nflows-nsf-autoregressive"
    static let summary =
        "nflows 0.14, MaskedPiecewiseRationalQuadraticAutoregressiveTransform, linear tails, reversed between maps"
    static let needs: [FlowImportOptions.Need] = [.tailBound]

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let dims = options.shape.dims
        var count = 0
        let maps = try maskedMaps(&tensors, dims: dims) { (i, rows) throws(FlowImportError) in
            count = try bins(rows: rows, dims: dims)
            // MADE has no attribute that says its width, so nothing is divided by it
            return spline(first: i * (3 * count - 1), bins: count, scale: 1)
        }
        return try maskedFlow(
            SplineAutoregressiveFlow.architectureName, maps, options, sizes: splineSizes(count, options))
    }
}

/// Composites of nflows' `PiecewiseRationalQuadraticCouplingTransform` with linear tails and alternating masks.
enum NFlowsSplineCoupling: FlowDialect {
    static let name = "nflows-nsf-coupling"
    static let summary =
        "nflows 0.14, PiecewiseRationalQuadraticCouplingTransform, linear tails, residual networks, alternating masks"
    static let needs: [FlowImportOptions.Need] = [.tailBound]

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        var count = 0
        let all = try couplings(&tensors, dims: options.shape.dims) { (i, n, rows, width) throws(FlowImportError) in
            count = try bins(rows: rows, dims: n)
            return spline(first: i * (3 * count - 1), bins: count, scale: 1 / Float(width).squareRoot())
        }
        return try couplingFlow(SplineCouplingFlow.architectureName, all, options, sizes: splineSizes(count, options))
    }
}
