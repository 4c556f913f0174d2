import FlowCore
import FlowKernels
import FlowLayers

/// Flows of `normflows.flows.MaskedAffineAutoregressive`.
///
/// normflows applies them latent → data: what it calls masked autoregressive draws in one pass and scores number by number, which is an inverse
/// autoregressive flow. Its last flow is nearest to the data.
enum NormflowsMAF: FlowDialect {
    static let name = "normflows-maf"
    static let summary = "normflows 1.7, MaskedAffineAutoregressive, which is an inverse autoregressive flow"
    static let needs: [FlowImportOptions.Need] = []

    static func flow(of tensors: inout StateDict, _ options: FlowImportOptions) throws(FlowImportError) -> ForeignFlow {
        let dims = options.shape.dims
        for key in ["q0.loc", "q0.log_scale"] where tensors.has(key) {
            guard try tensors.take(key, shape: [1, dims]).values.allSatisfy({ $0 == 0 }) else {
                throw .notSupported(key: key, reason: "the base is not standard normal")
            }
        }
        var maps: [ForeignMaskedMap] = []
        while tensors.has(prefix: "flows.\(maps.count).") {
            let prefix = "flows.\(maps.count).autoregressive_net"
            var network = try nflowsNetwork(&tensors, prefix, inputs: dims, isMasked: true)
            guard network.layers[network.layers.count - 1].outputs == 2 * dims else {
                throw .notSupported(
                    key: "\(prefix).final_layer.weight", reason: "has no two outputs for each dimension")
            }
            network.parameters = (0..<dims).map {
                [
                    ForeignParameter(row: 2 * $0 + 1),
                    ForeignParameter(row: 2 * $0, offset: 2 - UnivariateTransform.logisticOffset),
                ]
            }
            maps.append(ForeignMaskedMap(network: network, positions: Array(0..<dims), isFalling: false))
        }
        guard !maps.isEmpty else { throw .missingKey("flows.0.autoregressive_net.initial_layer.weight") }
        var sizes = Sizes()
        sizes[AffineTransform.scaleFunction] = .logistic
        return try maskedFlow(InverseAutoregressiveFlow.architectureName, maps.reversed(), options, sizes: sizes)
    }
}
