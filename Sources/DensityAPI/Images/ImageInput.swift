import FlowCore
package import FlowModels
package import Imaging

/// Check of images against what a model takes, which gives the levels of its rows.
package struct ImageInput: Sendable {
    var shape: EventShape
    var levels: Int
    /// Conversion of images of another size or colour mode; nil refuses them.
    var fit: ImageFit?
    /// Whether errors name the parameter that asks for conversion.
    var offersFit = true

    /// The check for a model of `record`.
    package init(record: ModelRecord, fit: ImageFit?) {
        shape = record.eventShape
        levels = record.levels
        self.fit = fit
    }

    /// The colour mode of the model's channels; nil when no image has so many.
    var mode: ColorMode? { ColorMode(channels: shape.channels) }

    /// The model's rows of a decoded image.
    /// - Throws: ``ProblemKind/imageSize``, ``ProblemKind/imageMode``, ``ProblemKind/imageValue``.
    ///   What `check` throws, which is called before each row of a conversion.
    func pixels(of image: Image, check: () throws(Problem) -> Void = { () throws(Problem) in }) throws(Problem)
        -> [UInt8]
    {
        guard let mode else {
            throw Problem(.imageMode, "image: the model has \(shape.channels) channels, and no image has so many")
        }
        var image = image
        if let fit {
            image = try image.converted(to: mode, check: check)
            if (image.width, image.height) != (shape.width, shape.height) {
                image = try image.fitted(width: shape.width, height: shape.height, fit: fit, check: check)
            }
        }
        try checkSize(width: image.width, height: image.height)
        guard image.mode == mode else { throw wrongMode(image.mode.rawValue, expected: mode) }
        return try checkLevels(image.pixels)
    }

    /// Axes `[N, H, W, C]` of an array's shape, and whether it had an N. Three axes are N, H, W for a model of one channel,
    /// unless they are just its height, width and 1.
    /// - Throws: ``ProblemKind/imageSize`` for another number of axes.
    package func axes(of axes: [Int]) throws(Problem) -> ([Int], isStack: Bool) {
        switch axes.count {
        case 2: return ([1] + axes + [1], false)
        case 3 where shape.channels > 1 || axes == [shape.height, shape.width, 1]: return ([1] + axes, false)
        case 3: return (axes + [1], true)
        case 4: return (axes, true)
        default: throw Problem(.imageSize, "shape: expected \(expectedArray) or a stack of such, not \(axes)")
        }
    }

    /// The model's rows of an array `[height, width, channels]` of numbers.
    /// - Throws: as ``pixels(of:)``.
    func pixels(ofArray values: [Int], height: Int, width: Int, channels: Int) throws(Problem) -> [UInt8] {
        precondition(values.count == height * width * channels)
        if let bad = values.first(where: { $0 < 0 || $0 >= levels }) { throw wrongLevel("\(bad)") }
        let bytes = values.map(UInt8.init)
        if EventShape(height: height, width: width, channels: channels) == shape { return bytes }
        guard let mode = ColorMode(channels: channels), height > 0, width > 0 else {
            throw Problem(
                .imageSize, "image: expected \(expectedArray), not [\(height), \(width), \(channels)]")
        }
        return try pixels(of: Image(width: width, height: height, mode: mode, pixels: bytes))
    }

    /// The model's rows of `H·W·C` numbers in a row.
    /// - Throws: ``ProblemKind/imageSize``, ``ProblemKind/imageValue``.
    func pixels(ofFlat values: [Int]) throws(Problem) -> [UInt8] {
        guard values.count == shape.dims else {
            throw Problem(
                .imageSize,
                "image: a flat list has \(shape.dims) numbers (\(expectedArray)), not \(values.count)")
        }
        return try pixels(ofArray: values, height: shape.height, width: shape.width, channels: shape.channels)
    }

    /// Level that `value` is.
    /// - Throws: ``ProblemKind/imageValue`` unless it is one of the model's.
    func level(_ value: Double) throws(Problem) -> Int {
        guard let level = Int(exactly: value), (0..<levels).contains(level) else { throw wrongLevel("\(value)") }
        return level
    }

    /// The `pixels`, once all are known to be levels of the model.
    /// - Throws: ``ProblemKind/imageValue`` for one that is not.
    func checkLevels(_ pixels: [UInt8]) throws(Problem) -> [UInt8] {
        if levels < 256, let bad = pixels.first(where: { Int($0) >= levels }) { throw wrongLevel("\(bad)") }
        return pixels
    }

    /// Checks the size in pixels against that of the model's images.
    /// - Throws: ``ProblemKind/imageSize``.
    func checkSize(width: Int, height: Int) throws(Problem) {
        guard (width, height) == (shape.width, shape.height) else {
            throw wrongSize("its size is \(height)x\(width)")
        }
    }

    func wrongSize(_ found: String) -> Problem {
        Problem(
            .imageSize,
            "image: expected \(shape.height)x\(shape.width) pixels (height x width), but \(found)" + hint)
    }

    /// The array's shape in an error's text.
    var expectedArray: String { "[\(shape.height), \(shape.width), \(shape.channels)]" }

    func wrongMode(_ found: String, expected: ColorMode) -> Problem {
        Problem(
            .imageMode,
            "image: expected the colour mode \(expected.rawValue), not \(found)" + hint)
    }

    private func wrongLevel(_ value: String) -> Problem {
        Problem(.imageValue, "image: values are whole numbers from 0 to \(levels - 1), not \(value)")
    }

    private var hint: String { offersFit ? "; fit=\(Self.fits) asks for conversion" : "" }
    private static let fits = ImageFit.allCases.map(\.rawValue).joined(separator: "|")
}
