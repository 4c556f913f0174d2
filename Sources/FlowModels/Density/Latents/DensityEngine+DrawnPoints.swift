import FlowCore
import System

/// Images of the points that are drawn for completions, whatever the method.
extension DensityEngine {
    /// Point that was drawn for a completion.
    struct DrawnPoint {
        var row: CompletionRow
        /// The flow's input, `[D]`.
        var input: [Float]
        /// Latent that it was decoded from, `[D]`; nil where it is not of one.
        var latent: [Float]?
        var classIndex: Int?
    }

    /// Computes the images of drawn points, their log-densities, and how far their latents are from those that they were decoded
    /// from, or else from those of their latents' images; nil where one is not finite.
    func completedImages(_ points: [DrawnPoint?], _ isCancelled: () -> Bool) throws -> [CompletedImage?] {
        try points.count.blocks(of: tileRows).flatMap { block in
            let points = Array(points[block])
            let (latents, logDensities) = try encode(points, isCancelled)
            return try points.enumerated().map { r, point -> CompletedImage? in
                guard let point, let (levels, logDet) = preprocessing.image(from: point.input[...]),
                    (logDensities[r] + logDet).isFinite
                else { return nil }
                var pixels = levels
                for j in pixels.indices where point.row.isKnown[j / shape.channels] { pixels[j] = point.row.pixels[j] }
                let error =
                    if let latent = point.latent {
                        largestDistance(latents[r][...], latent[...])
                    } else {
                        try decode(
                            [LatentRow(latent: latents[r], classIndex: point.classIndex)], isCancelled: isCancelled)[0]?
                            .roundTripError ?? .infinity
                    }
                let image = DrawnImage(
                    pixels: pixels, logDensity: logDensities[r] + logDet, classIndex: point.classIndex)
                return CompletedImage(image: image, roundTripError: error)
            }
        }
    }

    /// Computes the latents of points, at most a tile of them, with the log-densities of the flow's inputs, nats.
    private func encode(
        _ points: [DrawnPoint?], _ isCancelled: () -> Bool
    ) throws -> (latents: [[Float]], logDensities: [Double]) {
        let dims = flow.dims
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        for (r, point) in points.enumerated() {
            workspace.buffers.setInput(r, point?.input ?? Array(repeating: 0, count: dims))
            workspace.buffers.setClass(r, point?.classIndex ?? (prior.isEmpty ? nil : 0))
        }
        if isCancelled() { throw FlowError.cancelled }
        try workspace.buffers.forward(flow, rows: points.count)
        let buffers = workspace.buffers
        return (
            points.indices.map { Array(buffers.output[$0 * dims..<($0 + 1) * dims]) },
            points.indices.map { buffers.base[$0] + Double(buffers.flowLogDets[$0]) }
        )
    }
}
