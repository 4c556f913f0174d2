import ArgumentParser
import FlowCore

/// Option that says in which precision the networks compute, whatever the type of the tensors in the file.
struct PrecisionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Networks in single precision, or in bfloat16: faster on CPUs that multiply it, and slightly other densities "
                + "(docs/reference/numerics.md).", valueName: "precision"))
    var precision: WeightPrecision = .f32
}
