import ArgumentParser
import FlowCore
import FlowModels

/// Options for the dequantization of an image's levels.
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

    @OptionGroup private var dequantizer: SizeArguments<DequantizerSizes>

    /// Sizes of the learned dequantizer; nil for uniform noise.
    func sizes() throws -> Sizes? {
        let given = try dequantizer.given()
        if dequantization == .variational { return try given.resolved(by: Dequantizer.fields) }
        guard given.names.isEmpty else {
            let options = Dequantizer.fields.map(DequantizerSizes.option).joined(separator: " and ")
            throw CommandError("\(options) are of --dequantization variational; it is uniform")
        }
        return nil
    }
}
