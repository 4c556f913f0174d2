import FlowCore
import FlowLayers
import Glibc

private let root = "transform.transforms"

/// Takes zuko's base, which must be standard normal: `base.loc` and `base.scale`, `base._0` and `base._1` up to 1.5.0.
private func takeBase(_ tensors: inout StateDict, dims: Int) throws(FlowImportError) {
    for (key, value) in [("base.loc", 0), ("base._0", 0), ("base.scale", 1), ("base._1", 1)] as [(String, Float)]
    where tensors.has(key) {
        guard try tensors.take(key, shape: [dims]).values.allSatisfy({ $0 == value }) else {
            throw .notSupported(key: key, reason: "the base is not standard normal")
        }
    }
}

/// Takes the layers `hyper.0`, `hyper.2`, … of a plain network.
private func layers(
    _ tensors: inout StateDict, _ prefix: String, inputs: Int, isMasked: Bool
) throws(FlowImportError) -> [ForeignLinear] {
    if tensors.has(prefix: "\(prefix).hyper.1.") {
        throw .notSupported(
            key: "\(prefix).hyper.1.0.weight",
            reason: "residual networks of zuko are not imported; train with residual=False")
    }
    var layers: [ForeignLinear] = []
    repeat {
        layers.append(
            try tensors.takeLinear(
                "\(prefix).hyper.\(2 * layers.count)", inputs: layers.last?.outputs ?? inputs, isMasked: isMasked))
    } while tensors.has("\(prefix).hyper.\(2 * layers.count).weight")
    guard layers.count > 1 else {
        throw .notSupported(key: layers[0].key, reason: "the network has no hidden layer")
    }
    return layers
}

/// Parameters of zuko's affine maps, which are ours: shift, then the raw log-scale.
private func parameters(dims: Int) -> [[ForeignParameter]] {
    (0..<dims).map { [ForeignParameter(row: 2 * $0), ForeignParameter(row: 2 * $0 + 1)] }
}

/// Sizes of zuko's affine maps: log-scales are `a / (1 + |a / ln slope|)`.
private func sizes(_ options: FlowImportOptions) throws(FlowImportError) -> Sizes {
    guard let slope = options.slope, slope > 0, slope < 1 else {
        throw .badOption(
            name: "slope",
            reason:
                "must be above 0 and below 1: 0.001 of zuko up to 1.0 and from 1.5 on, 0.0001 of 1.1 to 1.4; no file says it"
        )
    }
    var sizes = Sizes()
    sizes[AffineTransform.logScaleBound] = Float(-log(slope))
    return sizes
}

/// `zuko.flows.MAF` with affine maps.
enum ZukoMAF: FlowDialect {
    static let name = "zuko-maf"
    static let summary = "zuko 1.6, MAF: affine maps, plain networks, orders that alternate or stay"
    static let needs: [FlowImportOptions.Need] = [.slope]

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let dims = options.shape.dims
        try takeBase(&tensors, dims: dims)
        var maps: [ForeignMaskedMap] = []
        while tensors.has(prefix: "\(root).\(maps.count).") {
            let prefix = "\(root).\(maps.count)"
            let order = try tensors.takeIndices("\(prefix).order", count: dims)
            guard order.isRising || order.isFalling else {
                throw .notSupported(
                    key: "\(prefix).order",
                    reason:
                        "is neither rising nor falling: random orders, and fewer passes than dimensions, are not imported"
                )
            }
            let layers = try layers(&tensors, prefix, inputs: dims, isMasked: true)
            guard layers[layers.count - 1].outputs == 2 * dims else {
                throw .notSupported(
                    key: layers[layers.count - 1].key,
                    reason: "has no two outputs for each dimension: only affine maps are imported")
            }
            maps.append(
                ForeignMaskedMap(
                    network: ForeignNetwork(layers: layers, parameters: parameters(dims: dims)), positions: order,
                    isFalling: order.isFalling && dims > 1))
        }
        guard !maps.isEmpty else { throw .missingKey("\(root).0.order") }
        return try maskedFlow(MaskedAutoregressiveFlow.architectureName, maps, options, sizes: try sizes(options))
    }
}

/// `zuko.flows.RealNVP`, and `NICE`, whose couplings are affine too.
enum ZukoRealNVP: FlowDialect {
    static let name = "zuko-realnvp"
    static let summary = "zuko 1.6, RealNVP and NICE: affine couplings, plain networks, checkered masks"
    static let needs: [FlowImportOptions.Need] = [.slope]

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let dims = options.shape.dims
        try takeBase(&tensors, dims: dims)
        var couplings: [ForeignCoupling] = []
        while tensors.has(prefix: "\(root).\(couplings.count).") {
            let prefix = "\(root).\(couplings.count)"
            let mask = try tensors.take("\(prefix).mask", shape: [dims]).values
            let isFalling = mask.first == 0
            guard mask.enumerated().allSatisfy({ ($1 == 1) == ($0 % 2 == (isFalling ? 1 : 0)) }) else {
                throw .notSupported(
                    key: "\(prefix).mask", reason: "is not checkered: only alternating masks are imported")
            }
            let key = mask.count { $0 == 1 }
            let layers = try layers(&tensors, prefix, inputs: key, isMasked: false)
            guard layers[layers.count - 1].outputs == 2 * (dims - key) else {
                throw .notSupported(
                    key: layers[layers.count - 1].key,
                    reason: "has no two outputs for each dimension that moves: only affine couplings are imported")
            }
            couplings.append(
                ForeignCoupling(
                    network: ForeignNetwork(layers: layers, parameters: parameters(dims: dims - key)),
                    isFalling: isFalling))
        }
        guard !couplings.isEmpty else { throw .missingKey("\(root).0.mask") }
        return try couplingFlow(AffineCouplingFlow.architectureName, couplings, options, sizes: try sizes(options))
    }
}
