public import FlowCore

/// A trained flow with its record: what the service and the command line ask.
public struct DensityModel<Flow: FlowArchitecture>: ImageDensity {
    public let flow: Flow
    public var record: ModelRecord
    public let preprocessing: Preprocessing
    private let engine: FlowEngine

    public var densityOrder: ExecutionOrder { flow.forwardOrder }
    public var samplingOrder: ExecutionOrder { flow.inverseOrder }

    /// - Parameter precision: of the weights that answers are computed with; ``flow`` stays as it is.
    /// - Throws: ``FlowError`` when the record's sizes are not the flow's, or its preprocessing makes no sense.
    public init(flow: Flow, record: ModelRecord, precision: WeightPrecision = .f32) throws {
        guard flow.dims == record.eventShape.dims else {
            throw FlowError.widthMismatch(argument: "event_shape", expected: flow.dims, actual: record.eventShape.dims)
        }
        self.flow = flow
        self.record = record
        engine = FlowEngine(flow, precision: precision)
        preprocessing = try Preprocessing(levels: record.levels, logitAlpha: record.logitAlpha)
    }

    public func logDensities(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [Double] {
        let dims = flow.dims
        var input = Matrix(rows: rows.count, columns: dims)
        var logDets: [Double] = []
        logDets.reserveCapacity(rows.count)
        for (r, row) in rows.enumerated() {
            try check(row)
            let noise = dequantizationNoise(row)
            var w = [Float](repeating: 0, count: dims)
            var span = w.mutableSpan
            logDets.append(preprocessing.latentInput(pixels: row.pixels[...], noise: noise, w: &span))
            input.elements.replaceSubrange(r * dims..<(r + 1) * dims, with: w)
        }
        if isCancelled() { throw FlowError.cancelled }
        let (z, flowLogDets) = try engine.forward(input)
        let base = standardNormalLogDensity(z)
        return rows.indices.map { base[$0] + Double(flowLogDets[$0]) + logDets[$0] }
    }

    private func check(_ row: DensityRow) throws {
        guard row.pixels.count == flow.dims else {
            throw FlowError.widthMismatch(argument: "pixels", expected: flow.dims, actual: row.pixels.count)
        }
        if record.levels < 256, let high = row.pixels.first(where: { $0 >= record.levels }) {
            throw FlowError.outOfRange(argument: "pixels", value: "\(high)", allowed: "0 to \(record.levels - 1)")
        }
    }

    /// Noise of one draw: a function of the image's bytes and the model's name alone, so that the same image always
    /// gets the same answer.
    private func dequantizationNoise(_ row: DensityRow) -> [Float] {
        let digest = SHA256.digest(Array(record.name.utf8) + [0] + row.pixels)
        let seed = digest[0..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        var stream = RandomStream(seed: seed, stream: UInt64(row.draw))
        return row.pixels.map { _ in stream.uniform() }
    }

    public func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage] {
        let dims = flow.dims
        var latent = Matrix(rows: rows.count, columns: dims)
        for (r, row) in rows.enumerated() {
            var span = latent.elements.mutableSpan
            RandomStream.normals(seed: row.seed, stream: row.index, to: &span, offset: r * dims, count: dims)
            for j in r * dims..<(r + 1) * dims { span[j] *= row.temperature }
        }
        let base = standardNormalLogDensity(latent)
        let (w, inverseLogDets) = try engine.inverse(latent, isCancelled: isCancelled)
        return try rows.indices.map { r in
            let (pixels, logDet) = try preprocessing.image(from: w.elements[r * dims..<(r + 1) * dims])
            return DrawnImage(pixels: pixels, logDensity: base[r] - Double(inverseLogDets[r]) + logDet)
        }
    }
}
