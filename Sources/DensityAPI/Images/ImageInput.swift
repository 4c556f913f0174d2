import FlowCore
package import FlowModels
import Imaging

/// Check of images against what a model takes, which gives the levels of its rows.
package struct ImageInput: Sendable {
    var shape: EventShape
    var levels: Int
    var terms: ImageTerms
    /// How errors name the terms: as query parameters or as options; nil where images have none.
    var wording: TermWording?

    /// The check for a model of `record`.
    package init(record: ModelRecord, terms: ImageTerms = ImageTerms(), wording: TermWording = .parameters) {
        shape = record.eventShape
        levels = record.levels
        self.terms = terms
        self.wording = wording
    }

    /// The colour mode of the model's channels; nil when no image has so many.
    var mode: ColorMode? { ColorMode(channels: shape.channels) }

    /// The model's row of a decoded PNG or JPEG. Of a model of few levels the values are levels, or where one is none, levels spread
    /// over 0 ... 255.
    /// - Throws: ``ProblemKind/imageSize``, ``ProblemKind/imageMode``, ``ProblemKind/imageValue``.
    ///   What `check` throws, which is called before each row of a conversion.
    func pixels(
        ofPicture picture: Image, check: () throws(Problem) -> Void = { () throws(Problem) in }
    ) throws(Problem) -> [UInt8] {
        let pixels = try converted(picture, check: check).pixels
        guard levels <= SpreadLevels.mostTold, pixels.contains(where: { Int($0) >= levels }) else {
            return try checkLevels(pixels)
        }
        let spread = SpreadLevels(levels)
        let found = spread.levels(of: pixels)
        guard let index = found.firstIndex(of: nil) else { return found.compactMap(\.self) }
        throw Problem(
            .imageValue,
            "image: values are levels, 0 to \(levels - 1), or those spread over 0 to 255, which are "
                + "\(spread.all.map(String.init).joined(separator: ", ")), not \(pixels[index])")
    }

    /// The model's row of levels, `[height, width, channels]`.
    /// - Throws: as ``pixels(ofPicture:check:)``.
    func pixels(ofLevels levels: [UInt8], _ sides: ArraySides) throws(Problem) -> [UInt8] {
        if EventShape(height: sides.height, width: sides.width, channels: sides.channels) == shape { return levels }
        guard let mode = ColorMode(channels: sides.channels), sides.height > 0, sides.width > 0 else {
            throw Problem(
                .imageSize, "image: expected \(shape) (height x width x channels), not \(sides)")
        }
        return try converted(Image(width: sides.width, height: sides.height, mode: mode, pixels: levels)).pixels
    }

    /// The image in the model's size and colour mode.
    private func converted(
        _ image: Image, check: () throws(Problem) -> Void = { () throws(Problem) in }
    ) throws(Problem) -> Image {
        guard let mode else {
            throw Problem(.imageMode, "image: the model has \(shape.channels) channels, and no image has so many")
        }
        var image = image
        if let fit = terms.fit {
            image = try image.converted(to: mode, background: terms.background ?? .white, check: check)
            if (image.width, image.height) != (shape.width, shape.height) {
                image = try image.fitted(
                    width: shape.width, height: shape.height, fit: fit, padding: padding(of: image), check: check)
            }
        }
        if let background = terms.background, let opaque = image.mode.opaque, opaque == mode {
            image = try image.converted(to: opaque, background: background, check: check)
        }
        guard (image.width, image.height) == (shape.width, shape.height) else {
            throw wrongSize("its size is \(image.height)x\(image.width)")
        }
        guard image.mode == mode else { throw wrongMode(image.mode.rawValue, expected: mode) }
        return image
    }

    /// Pixel of the background for `image`, of the model's colour mode: of few levels in values as its own are, levels or those
    /// spread over 0 ... 255.
    private func padding(of image: Image) -> [UInt8] {
        let pixel = (terms.background ?? .white).pixel(in: image.mode, levels: levels)
        let isSpread = levels <= SpreadLevels.mostTold && image.pixels.contains { Int($0) >= levels }
        return isSpread ? SpreadLevels(levels).spread(pixel) : pixel
    }

    /// The `pixels`, once all are known to be levels of the model.
    /// - Throws: ``ProblemKind/imageValue`` for one that is not.
    func checkLevels(_ pixels: [UInt8]) throws(Problem) -> [UInt8] {
        if levels < 256, let bad = pixels.first(where: { Int($0) >= levels }) {
            throw Problem(.imageValue, "image: values are whole numbers from 0 to \(levels - 1), not \(bad)")
        }
        return pixels
    }

    func wrongSize(_ found: String) -> Problem {
        Problem(
            .imageSize,
            "image: expected \(shape.height)x\(shape.width) pixels (height x width), but \(found)" + hint)
    }

    func wrongMode(_ found: String, expected: ColorMode) -> Problem {
        Problem(
            .imageMode,
            "image: expected the colour mode \(expected.rawValue), not \(found)" + hint)
    }

    /// End of a problem that conversion would mend.
    var hint: String { wording.map { "; \($0.name("fit", ImageFit.self)) asks for conversion" } ?? "" }
}

/// How the terms of images are written by those who give them.
package enum TermWording: Sendable {
    /// `fit=cover`, in a query.
    case parameters
    /// `--fit cover`, on a command line.
    case options

    /// A term with one value, such as `scale=unit`.
    func name(_ name: String, _ value: String) -> String {
        switch self {
        case .parameters: "\(name)=\(value)"
        case .options: "--\(name) \(value)"
        }
    }

    /// A term with all its values, such as `fit=contain|cover|stretch`.
    func name<Choice: CaseIterable & RawRepresentable>(_ name: String, _: Choice.Type) -> String
    where Choice.RawValue == String {
        self.name(name, Choice.allCases.map(\.rawValue).joined(separator: "|"))
    }
}

extension ColorMode {
    /// The same mode without its alpha channel; nil for one that has none.
    fileprivate var opaque: ColorMode? {
        switch self {
        case .grayAlpha: .gray
        case .rgba: .rgb
        case .gray, .rgb: nil
        }
    }
}
