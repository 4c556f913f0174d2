import ArgumentParser
import DataSets
import DensityAPI
import Imaging

/// Options that say what arrays and transparent pixels of images mean, the same wherever images are read.
struct ImageTermArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Order of the axes of arrays: HW, HWC, CHW, NHW, NHWC or NCHW (N images, H rows, W columns, C channels). Without it their "
                + "shapes tell, and what can be read in two ways is an error.", valueName: "axes"))
    var layout: ArrayLayout?

    @Option(
        help: ArgumentHelp(
            "What numbers of arrays and JSON mean: levels, or unit, fractions of the top level from 0 to 1. Without it floats and "
                + "booleans that may be either are an error.", valueName: "scale"))
    var scale: ValueScale?

    @Option(
        help: ArgumentHelp(
            "Colour on which pictures with transparency are composed where there is no channel for it, and of the padding of --fit "
                + "contain: \(Background.choice). White where images are converted; where none are, such pictures are errors without it.",
            valueName: "colour"))
    var background: Background?

    func apply(to options: inout DataOptions) {
        (options.layout, options.scale) = (layout, scale)
        options.background = background ?? options.background
    }

    /// Terms of images that are held against a model.
    func terms(fit: ImageFit?) -> ImageTerms {
        ImageTerms(fit: fit, layout: layout, scale: scale, background: background)
    }
}
