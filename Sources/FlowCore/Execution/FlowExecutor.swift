/// The two directions of one flow, computed on some device: the seam between what knows images (preprocessing, noise, classes,
/// base density) and what knows weights. ``FlowEngine`` is the CPU's.
///
/// What every executor keeps:
///
/// - **Shapes.** Data and latents are `[rows, dims]`, row-major, a context is `[rows, contextDims]` and empty without one,
///   log-dets are `[rows]`, nats, of the map just applied. Arrays may be longer; what stands behind those rows is neither read
///   nor written.
/// - **Threads.** Any number of calls may run at a time, on any threads. A call returns when its results are there.
/// - **Bits.** A row's results depend on the row and its context alone: not on the rows beside it, their number or its place
///   among them, nor on other calls. Executors may differ from one another in the last bits.
/// - **Cancellation.** `inverse` asks `isCancelled` at least once every ``tileRows`` rows, and more often where dimensions wait
///   for one another; once it is true, it throws ``FlowError/cancelled``, and its outputs hold anything. `forward` does not ask:
///   its callers do, between calls of ``tileRows`` rows.
/// - **Errors.** Beside that one, a device's own: the call has no results, the next one may have.
public protocol FlowExecutor: Sendable {
    /// Event width `D`.
    var dims: Int { get }
    /// Numbers of the context of a row; 0 for none.
    var contextDims: Int { get }
    /// Rows that a call computes side by side: a caller with more gains nothing by giving them at once, and one that gives fewer
    /// leaves the device idle.
    var tileRows: Int { get }

    /// Data → latent of the first `rows` rows; sets `z` and `logDet`.
    func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) throws
    /// Latent → data of the first `rows` rows; sets `x`, and `logDet` to that of the inverse.
    /// - Throws: ``FlowError/cancelled``.
    func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws
}
