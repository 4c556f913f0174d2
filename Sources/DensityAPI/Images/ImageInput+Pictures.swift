import FlowCore
import Imaging

/// Images that come as pictures, and arrays that are converted as pictures are.
extension ImageInput {
    /// The model's row of a decoded picture.
    ///
    /// For a model of fewer than 256 levels values are levels where all are, and else fractions of 255, black to white. Each must then be
    /// the one of a level (``SpreadLevels``), or where `fit` asks for it is reduced to one (``SpreadLevels/reduced(_:)``), after all
    /// other conversions.
    /// - Parameter scale: what the values mean by the file itself; nil where it does not tell.
    /// - Throws: ``ProblemKind/imageSize``, ``ProblemKind/imageMode``, ``ProblemKind/imageValue``.
    ///   What `check` throws, which is called before each row of a conversion.
    func pixels(
        ofPicture picture: Image, scale: ValueScale? = nil,
        check: () throws(Problem) -> Void = { () throws(Problem) in }
    ) throws(Problem) -> [UInt8] {
        let mode = try mode(for: picture)
        if levels == 256 { return try converted(picture, to: mode, .unit, opaque: 255, check: check).pixels }
        let values = seenValues(of: picture, in: mode)
        let said = terms.scale ?? scale
        let meaning = if let said { said } else { try self.scale(of: values) }
        if meaning == .levels { _ = try checkLevels(values) }
        // alpha that is taken out is 0 to 255 whatever colours are; alpha that is added is a channel like them
        let opaque = mode.opaque != nil && meaning == .levels ? UInt8(levels - 1) : 255
        let pixels = try converted(picture, to: mode, meaning, opaque: opaque, check: check).pixels
        if meaning == .levels { return pixels }
        return try unspread(pixels, reducing: terms.fit != nil)
    }

    /// Levels of values from 0 to 255: those that have these values, or where some have none those to which all are reduced.
    private func unspread(_ pixels: [UInt8], reducing: Bool) throws(Problem) -> [UInt8] {
        let spread = SpreadLevels(levels)
        let found = spread.levels(of: pixels)
        guard let index = found.firstIndex(of: nil) else { return found.compactMap(\.self) }
        if reducing { return spread.reduced(pixels) }
        throw notSpread(pixels[index])
    }

    /// The model's row of an array's values, `[height, width, channels]`: levels, or of another shape with a `scale` of fractions such of
    /// 255.
    /// - Throws: as ``pixels(ofPicture:scale:check:)``.
    func pixels(ofArray values: [UInt8], _ sides: ArraySides, _ scale: ValueScale) throws(Problem) -> [UInt8] {
        if isOwn(sides) { return values }
        guard let mode = ColorMode(channels: sides.channels), sides.height > 0, sides.width > 0 else {
            throw Problem(
                .imageSize, "image: expected \(shape) (height x width x channels), not \(sides)")
        }
        let image = Image(width: sides.width, height: sides.height, mode: mode, pixels: values)
        let opaque = scale == .levels ? UInt8(levels - 1) : 255
        let pixels = try converted(image, to: self.mode(for: image), scale, opaque: opaque).pixels
        return scale == .unit && levels < 256 ? try unspread(pixels, reducing: true) : pixels
    }

    /// Whether an array's images have the model's shape.
    func isOwn(_ sides: ArraySides) -> Bool {
        EventShape(height: sides.height, width: sides.width, channels: sides.channels) == shape
    }

    /// The model's colour mode, once `image` has it and the size, or is to be converted.
    private func mode(for image: Image) throws(Problem) -> ColorMode {
        guard let mode else {
            throw Problem(.imageMode, "image: the model has \(shape.channels) channels, and no image has so many")
        }
        if terms.fit != nil { return mode }
        guard (image.width, image.height) == (shape.width, shape.height) else {
            throw wrongSize("its size is \(image.height)x\(image.width)")
        }
        guard image.mode == mode || terms.background != nil && image.mode.opaque == mode else {
            throw wrongMode(image.mode.rawValue, expected: mode)
        }
        return mode
    }

    /// The image in the model's size and in `mode`, its own.
    /// - Parameter opaque: alpha of what nothing shines through.
    private func converted(
        _ image: Image, to mode: ColorMode, _ scale: ValueScale, opaque: UInt8,
        check: () throws(Problem) -> Void = { () throws(Problem) in }
    ) throws(Problem) -> Image {
        let ground = ground(scale, mode)
        let image = try image.converted(to: mode, background: ground, opaque: opaque, check: check)
        guard let fit = terms.fit, (image.width, image.height) != (shape.width, shape.height) else { return image }
        return try image.fitted(
            width: shape.width, height: shape.height, fit: fit, padding: ground.pixel(in: mode), check: check)
    }

    /// The background in values of the `scale`; of few levels that of the nearest, unless all values are reduced in the end.
    private func ground(_ scale: ValueScale, _ mode: ColorMode) -> Background {
        let background = terms.background ?? .white
        if levels == 256 || scale == .unit && terms.fit != nil { return background }
        let isGray = mode.channels < 3
        let spread = SpreadLevels(levels)
        let nearest = spread.nearest(to: background.pixel(in: isGray ? .gray : .rgb))
        let values = scale == .levels ? nearest : spread.spread(nearest)
        return Background(red: values[0], green: values[isGray ? 0 : 1], blue: values[isGray ? 0 : 2])
    }

    /// Values of `image` that its row is made of: without alpha that is taken out, and without the colours of transparent pixels, which
    /// nobody sees.
    private func seenValues(of image: Image, in mode: ColorMode) -> [UInt8] {
        guard image.mode.opaque != nil, mode.opaque == nil else { return image.pixels }
        let channels = image.mode.channels
        var values: [UInt8] = []
        values.reserveCapacity(image.pixels.count)
        for start in stride(from: 0, to: image.pixels.count, by: channels) where image.pixels[start + channels - 1] > 0
        {
            values += image.pixels[start..<start + channels - 1]
        }
        return values
    }

    /// What the values of a picture mean that does not tell it: levels where all are.
    /// - Throws: ``ProblemKind/imageValue`` where all are those of other levels as well, as happens with more than 16 levels.
    private func scale(of values: [UInt8]) throws(Problem) -> ValueScale {
        if values.contains(where: { Int($0) >= levels }) { return .unit }
        let other = SpreadLevels(levels).levels(of: values)
        guard other.contains(nil) || other == values else {
            let name = (wording ?? .parameters).name("scale", ValueScale.self)
            throw Problem(
                .imageValue,
                "image: all values are levels, 0 to \(levels - 1), and those of other levels spread over 0 to 255 too; \(name) says which"
            )
        }
        return .levels
    }

    private func notSpread(_ value: UInt8) -> Problem {
        let spread = SpreadLevels(levels)
        let listed = levels > 16 ? "" : ", which are \(spread.all.map(String.init).joined(separator: ", "))"
        return Problem(
            .imageValue,
            "image: values are levels, 0 to \(levels - 1), or those spread over 0 to 255\(listed), not \(value); "
                + "\((wording ?? .parameters).name("fit", ImageFit.self)) reduces any to levels")
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
