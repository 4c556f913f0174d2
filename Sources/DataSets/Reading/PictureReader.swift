internal import FlowCore
internal import Imaging
internal import System

/// Reader of one image of a source: a picture is decoded, and every image brought to the size and colour mode that are asked for.
struct PictureReader: Sendable {
    let options: DataOptions

    /// Image as it goes into a set.
    struct Row {
        var pixels: [UInt8]
        var shape: EventShape
        /// Whether it had another size or colour mode.
        var isConverted = false
    }

    /// Most bytes of a picture's file.
    static let mostFileBytes = 1 << 30

    /// Levels of an item's image.
    /// - Throws: ``DataError``, naming the item.
    func row(of item: DataItem) throws(DataError) -> Row {
        switch item.content {
        case .levels(let levels, let shape): return try row(of: levels, shape, item.name)
        case .picture(let bytes): return try row(of: composed(try decoded(bytes, item.name)), item.name)
        case .file(let path):
            let bytes = try DataFile(path, maxBytes: Self.mostFileBytes, unpacks: false).bytes
            return try row(of: composed(try decoded(bytes, item.name)), item.name)
        }
    }

    /// The picture without its transparency, unless that is to be kept.
    private func composed(_ image: Image) -> Image {
        switch image.mode {
        case _ where options.keepsAlpha || options.mode != nil: image
        case .grayAlpha: image.converted(to: .gray, background: options.background)
        case .rgba: image.converted(to: .rgb, background: options.background)
        case .gray, .rgb: image
        }
    }

    private func row(of levels: [UInt8], _ shape: EventShape, _ name: String) throws(DataError) -> Row {
        let asked = options.size.map { ($0.height, $0.width) } ?? (shape.height, shape.width)
        let channels = options.mode?.channels ?? shape.channels
        if asked == (shape.height, shape.width), channels == shape.channels {
            return Row(pixels: levels, shape: shape)
        }
        guard let mode = ColorMode(channels: shape.channels), options.levels == 256 else {
            throw .unsupported(
                file: name, expected: "images of 256 levels to bring to another size or colour mode",
                found: "\(shape.description) of \(options.levels) levels")
        }
        return try row(of: Image(width: shape.width, height: shape.height, mode: mode, pixels: levels), name)
    }

    private func row(of image: Image, _ name: String) throws(DataError) -> Row {
        var image = image
        var isConverted = false
        if let mode = options.mode, mode != image.mode || image.isReducedFrom16Bit {
            image = image.converted(to: mode, background: options.background)
            isConverted = true
        }
        if let size = options.size, (size.height, size.width) != (image.height, image.width) {
            image = image.fitted(
                width: size.width, height: size.height, fit: options.fit,
                padding: options.background.pixel(in: image.mode, levels: options.levels))
            isConverted = true
        }
        if image.isReducedFrom16Bit, !options.roundsTo8Bits {
            throw .unsupported(
                file: name, expected: "8 bits a channel, or --grey or --colour, which round to 8",
                found: "16 bits a channel")
        }
        isConverted = isConverted || image.isReducedFrom16Bit
        if options.levels < 256, let value = image.pixels.first(where: { $0 >= options.levels }) {
            throw .valueOutOfRange(file: name, image: 0, value: "\(value)", levels: options.levels)
        }
        return Row(
            pixels: image.pixels,
            shape: EventShape(height: image.height, width: image.width, channels: image.mode.channels),
            isConverted: isConverted)
    }

    private func decoded(_ bytes: [UInt8], _ name: String) throws(DataError) -> Image {
        do throws(ImagingError) {
            return try decodeImage(bytes, limits: options.limits)
        } catch {
            switch error {
            case .unknownFormat:
                let formats = ImageFormat.allCases.map(\.rawValue)
                guard let kind = fileKind(of: bytes) else { throw .wrongFormat(file: name, expected: formats) }
                throw .unsupported(
                    file: name, expected: alternatives(formats), found: kind.phraseWithAdvice)
            case .tooLarge(let quantity, let value, let limit):
                throw .tooLarge(file: name, quantity: quantity, value: value, limit: limit)
            case .damaged(_, let reason): throw .damaged(file: name, reason: reason)
            case .unsupported(let format, let feature):
                throw .unsupported(file: name, expected: "another kind of \(format.rawValue)", found: feature)
            case .notEncodable(_, let reason), .invalidNPY(let reason, _, _):
                throw .damaged(file: name, reason: reason)
            case .stopped: preconditionFailure("nobody asked to stop")
            }
        }
    }
}
