package import FlowCore
package import FlowModels

/// A kind of work that is done row by row, and that a lane batches: a new kind is a type that conforms, and a method of
/// ``DensityService`` beside it.
package protocol LaneWork: SendableMetatype {
    /// Input of one row.
    associatedtype Row: Sendable
    /// Result of one row.
    associatedtype Output: Sendable

    /// Name of the kind in metrics, in snake_case.
    static var name: String { get }

    /// Number that is the same for rows that cost as much as each other; rows of a request all have one, and those of others share no
    /// batch.
    static func cost(of row: Row) -> Int

    /// Number of parts that a row can be computed in, on different threads.
    static func parts(of row: Row, on model: any ImageDensity) -> Int

    /// Order in which `model` does the work, which says in which lane it runs.
    static func order(on model: any ImageDensity) -> ExecutionOrder

    /// Outputs of `rows`, one each and in their order; none depends on the other rows.
    ///
    /// - Parameter threads: may take parts of it over; nil when there are none.
    /// - Parameter isCancelled: turns true once nobody wants any of the rows.
    /// - Throws: whatever the model throws; the lane then tries each row alone.
    static func run(
        _ rows: [Row], on model: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Output, RowFailure>]
}

extension LaneWork {
    package static func cost(of row: Row) -> Int { 0 }
    package static func parts(of row: Row, on model: any ImageDensity) -> Int { 1 }
}
