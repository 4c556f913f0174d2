import FlowCore
import FlowModels
import FoundationEssentials
import HTTPContent
import Imaging

/// Images of a model in the forms that answers have.
struct DrawnImages: Sendable {
    private let images: [DrawnImage]
    private let record: ModelRecord

    init(_ images: [DrawnImage], _ record: ModelRecord) {
        self.images = images
        self.record = record
    }

    /// Members of the JSON object of one image, by default with its place as `index`.
    /// - Throws: ``ProblemKind/notAcceptable`` where no image has the model's channels.
    func members(_ place: Int, index: Int? = nil) throws -> [JSON.Member] {
        let image = images[place]
        let png = try encodePNG(try picture(image))
        let drawn = image.classIndex.map { [JSON.Member("class", .string(record.classes[$0]))] } ?? []
        return [
            .init("index", .integer(index ?? place)), .init("image", .string(Data(png).base64EncodedString())),
            .init("log_prob", .number(image.logDensity)),
            .init("bits_per_dim", .number(record.bitsPerDim(logProb: image.logDensity))),
        ] + drawn
    }

    /// NPY array `[n, H, W]`, or `[n, H, W, C]` for more than one channel.
    var npy: [UInt8] {
        let shape = record.eventShape
        let axes = [images.count, shape.height, shape.width] + (shape.channels > 1 ? [shape.channels] : [])
        return NPYArray(shape: axes, images.flatMap(\.pixels)).encoded()
    }

    /// PNG of one image as it is, or of several on a sheet, enlarged so that one can see them.
    /// - Parameter columns: nil for as many as make the sheet about square.
    /// - Throws: ``ProblemKind/notAcceptable`` where no image has the model's channels.
    func sheet(columns: Int? = nil) throws -> [UInt8] {
        let pictures = try images.map { try picture($0) }
        if pictures.count == 1 { return try encodePNG(pictures[0]) }
        let scale = max(1, 64 / max(record.eventShape.height, record.eventShape.width))
        return try encodePNG(contactSheet(pictures, columns: columns, scale: scale, gap: 2))
    }

    private func picture(_ image: DrawnImage) throws(Problem) -> Image {
        let shape = record.eventShape
        guard let mode = ColorMode(channels: shape.channels) else {
            throw Problem(
                .notAcceptable, "Accept: no image has \(shape.channels) channels; the answer can be \(MediaType.npy)")
        }
        return Image(width: shape.width, height: shape.height, mode: mode, pixels: image.pixels)
    }
}
