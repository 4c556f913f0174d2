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

    /// Members of the JSON object of one image; its PNG has the levels themselves, so that it can be scored again.
    /// - Throws: ``ProblemKind/notAcceptable`` where no image has the model's channels.
    func members(_ place: Int) throws -> [JSON.Member] {
        let image = images[place]
        let drawn = image.classIndex.map { [JSON.Member("class", .string(record.classes[$0]))] } ?? []
        return [
            .init("image", .string(try picture(place))),
            .init("log_prob", .number(image.logDensity)),
            .init("bits_per_dim", .number(record.bitsPerDim(logProb: image.logDensity))),
        ] + drawn
    }

    /// PNG in base64 of one image, of its levels themselves.
    /// - Throws: ``ProblemKind/notAcceptable`` where no image has the model's channels.
    func picture(_ place: Int) throws -> String {
        let shape = record.eventShape
        let png = try encodePNG(
            Image(width: shape.width, height: shape.height, mode: try mode(), pixels: images[place].pixels),
            scale: record.levels == 256 ? nil : .levels)
        return Data(png).base64EncodedString()
    }

    /// NPY array `[n, H, W]`, or `[n, H, W, C]` for more than one channel.
    var npy: [UInt8] {
        let shape = record.eventShape
        let axes = [images.count, shape.height, shape.width] + (shape.channels > 1 ? [shape.channels] : [])
        return NPYArray(shape: axes, images.flatMap(\.pixels)).encoded()
    }

    /// PNG to be looked at: of one image, or of several on a sheet, enlarged so that one can see them. Levels of models with fewer
    /// than 256 are spread over black to white, which that of one image says, so that it can be scored again.
    /// - Parameter columns: nil for as many as make the sheet about square.
    /// - Throws: ``ProblemKind/notAcceptable`` where no image has the model's channels.
    func sheet(columns: Int? = nil) throws -> [UInt8] {
        _ = try mode()
        let pictures = images.map { record.picture(of: $0.pixels) }
        if pictures.count == 1 { return try encodePNG(pictures[0], scale: record.levels == 256 ? nil : .unit) }
        let scale = sheetScale(height: record.eventShape.height, width: record.eventShape.width)
        return try encodePNG(contactSheet(pictures, columns: columns, scale: scale, gap: 2))
    }

    private func mode() throws(Problem) -> ColorMode {
        let channels = record.eventShape.channels
        guard let mode = ColorMode(channels: channels) else {
            throw Problem(
                .notAcceptable, "Accept: no image has \(channels) channels; the answer can be \(MediaType.npy)")
        }
        return mode
    }
}
