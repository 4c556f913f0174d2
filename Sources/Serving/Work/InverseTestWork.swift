package import FlowCore
package import FlowModels

/// Tests of a model's inverse, in the lane of its samples; a row is the number of pixels.
package enum InverseTestWork: LaneWork {
    package static let name = "self_test"

    package static func order(on model: any ImageDensity) -> ExecutionOrder { model.samplingOrder }

    package static func run(
        _ rows: [Int], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<InverseTest, RowFailure>] {
        try rows.map { .success(try model.testInverse(pixels: $0, isCancelled: isCancelled)) }
    }
}
