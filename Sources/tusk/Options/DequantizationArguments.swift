import ArgumentParser
import FlowModels

/// How noise is put on the levels of an image.
struct DequantizationArguments: ParsableArguments {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case uniform
        case variational
    }

    @Option(
        help: ArgumentHelp(
            "Noise that makes levels continuous: uniform, or variational, drawn by a flow that is learned with the density.",
            valueName: "kind"))
    var dequantization = Kind.uniform

    @Option(
        help: ArgumentHelp(
            "Couplings of a variational dequantization; default: \(DequantizerSizes.defaultLayers).", valueName: "n"))
    var dequantizerLayers: Int?

    @Option(
        help: ArgumentHelp(
            "Hidden units of each, layer by layer; default: \(DequantizerSizes.defaultHidden.map(String.init).joined(separator: ",")).",
            valueName: "n,n"))
    var dequantizerHidden: String?

    /// Nil for uniform noise.
    func sizes() throws -> DequantizerSizes? {
        guard dequantization == .variational else {
            guard dequantizerLayers == nil, dequantizerHidden == nil else {
                throw CommandError(
                    "--dequantizer-layers and --dequantizer-hidden are of --dequantization variational; it is uniform")
            }
            return nil
        }
        var sizes = DequantizerSizes()
        if let dequantizerLayers {
            try check("--dequantizer-layers", dequantizerLayers, in: 1...1024)
            sizes.layers = dequantizerLayers
        }
        if let dequantizerHidden { sizes.hidden = try hiddenSizes(dequantizerHidden, option: "--dequantizer-hidden") }
        return sizes
    }
}
