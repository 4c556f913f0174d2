import FlowCore
import System

/// What each pixel has to do with an image's log-density, `[H, W]`.
public struct PixelMap: Sendable, Equatable {
    /// Meaning of the values.
    public enum Kind: String, Sendable, CaseIterable {
        /// `log p(pixel | pixels before)`, nats, the sum of the channels' terms: exact, and with uniform dequantization the sum of
        /// all is `log p(y)`. Of flows whose Jacobian is triangular.
        case conditional
        /// Length of `∂ log p/∂x` over the channels of a pixel, nats a level: how much the density hangs on the pixel, which is no part
        /// of it. Of all other flows.
        case gradient
    }

    /// Meaning of ``values``.
    public var kind: Kind
    /// Value of each pixel, row by row, `[H, W]`.
    public var values: [Double]

    public init(kind: Kind, values: [Double]) {
        self.kind = kind
        self.values = values
    }

    /// Nats below a pixel as probable as if all levels were, at which a conditional term is drawn in full strength.
    public static let fullStrength = 6.0

    /// How strongly each pixel is drawn where the image is odd, 0 to 1: conditional terms below 0 by ``fullStrength``, so that
    /// images compare; gradients by the image's largest.
    public var strength: [Double] {
        switch kind {
        case .conditional: return values.map { min(1, max(0, -$0 / Self.fullStrength)) }
        case .gradient:
            let largest = values.max() ?? 0
            return values.map { largest > 0 ? $0 / largest : 0 }
        }
    }
}

extension DensityEngine {
    /// Computes the conditional terms of each row's pixels, nats.
    /// - Precondition: ``givesTerms``.
    func conditionalMaps(of rows: [DensityRow], isCancelled: () -> Bool) throws -> [PixelMap] {
        for row in rows { try check(row) }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        var maps: [PixelMap] = []
        for tile in rows.count.blocks(of: tileRows) {
            try fill(&workspace.buffers, rows, tile.lowerBound, tile.count) { _, _ in }
            if isCancelled() { throw FlowError.cancelled }
            try workspace.buffers.forward(flow, rows: tile.count, withTerms: true)
            for r in 0..<tile.count {
                workspace.buffers.setTerms(ofRow: r, preprocessing)
                maps.append(PixelMap(kind: .conditional, values: perPixel(workspace.buffers.terms) { $0.reduce(0, +) }))
            }
        }
        return maps
    }

    /// Computes the gradient of each row's log-density by its pixels, nats a level, at the draw of the noise that the row names.
    ///
    /// - Parameter flow: the flow of the executor, which the gradient goes back through.
    func gradientMaps(
        of rows: [DensityRow], through flow: some FlowArchitecture, isCancelled: () -> Bool
    ) throws -> [PixelMap] {
        for row in rows { try check(row) }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        return try rows.indices.map { r in
            try fill(&workspace.buffers, rows, r, 1) { _, _ in }
            if isCancelled() { throw FlowError.cancelled }
            let w = Matrix(rows: 1, columns: flow.dims, elements: Array(workspace.buffers.input[..<flow.dims]))
            let context =
                prior.isEmpty
                ? nil
                : Matrix(rows: 1, columns: prior.count, elements: Array(workspace.buffers.context[..<prior.count]))
            var (z, _, tape) = try flow.forwardTaped(w, context: context)
            // ∂/∂z of log N(z; 0, I)
            for j in z.elements.indices { z.elements[j] = -z.elements[j] }
            var gradient = flow.backward(Cotangent(dz: z, dLogDet: [1]), through: &tape).elements
            preprocessing.pullBack(dw: &gradient, ofInput: w.elements)
            return PixelMap(
                kind: .gradient,
                values: perPixel(gradient) { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() })
        }
    }

    /// Value of each pixel, by those of its channels.
    private func perPixel(_ values: [Float], _ body: ([Double]) -> Double) -> [Double] {
        let channels = shape.channels
        return (0..<shape.height * shape.width).map { pixel in
            body((0..<channels).map { Double(values[pixel * channels + $0]) })
        }
    }
}
