package import FlowCore
package import FlowModels

/// What each pixel of an image has to do with its log-density.
package enum PixelMapWork: LaneWork {
    package static let name = "pixel_map"

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.densityOrder }

    package static func run(
        _ rows: [DensityRow], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<PixelMap, RowFailure>] {
        try model.pixelMaps(of: rows, isCancelled: isCancelled).map { map in
            map.values.allSatisfy(\.isFinite) ? .success(map) : .failure(.notFinite)
        }
    }
}
