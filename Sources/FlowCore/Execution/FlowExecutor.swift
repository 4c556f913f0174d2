/// The two directions of one flow, computed on some device: the seam between what knows images (preprocessing, noise, classes,
/// base density) and what knows weights. ``FlowEngine`` is the CPU's.
///
/// What every executor keeps:
///
/// - **Shapes.** Data and latents are `[rows, dims]`, row-major, a context is `[rows, contextDims]` and empty without one,
///   log-determinants are `[rows]`, nats, of the map just applied. Arrays may be longer; what stands behind those rows is neither
///   read nor written.
/// - **Threads.** Any number of calls may run at a time, on any threads. A call returns when its results are there.
/// - **Bits.** A row's results depend on the row and its context alone: not on the rows beside it, their number or its place
///   among them, nor on other calls. Executors may differ from one another in the last bits.
/// - **Cancellation.** `inverse` asks `isCancelled` at least once every ``tileRows`` rows, and more often where dimensions wait
///   for one another; once it is true, it throws ``FlowError/cancelled``, and its outputs hold anything. `forward` does not ask:
///   its callers do, between calls of ``tileRows`` rows.
/// - **Errors.** A device may throw its own beside ``FlowError/cancelled``: the call then has no results, the next one may have.
public protocol FlowExecutor: Sendable {
    /// Event width `D`.
    var dims: Int { get }
    /// Width of a row's context; 0 for none.
    var contextDims: Int { get }
    /// Whether a row's context may be all zeros, for one that the flow makes up for itself; by default only where there is none.
    var infersContext: Bool { get }
    /// Number of rows that a call computes side by side: a caller with more gains nothing by giving them at once, and one that
    /// gives fewer leaves the device idle.
    var tileRows: Int { get }
    /// The flow's solve for some dimensions given the others; nil, as by default, where the flow does not map dimension after
    /// dimension in one order, or the executor cannot.
    var conditionalSolve: ConditionalSolve? { get }

    /// Bytes of memory of the weights in all the forms in which they are kept, beyond one of each number; 0 by default.
    var formBytes: Int { get }

    /// Order in which the flow's Jacobian is triangular, where the executor tells its diagonal; nil, as by default, where not.
    var triangularOrder: TriangularOrder? { get }

    /// Maps the first `rows` rows of data to latents; sets `z`, and `logDet`, nats.
    /// - Throws: errors of the device.
    func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) throws
    /// Maps as ``forward(_:context:rows:z:logDet:)``, to the same bits, and sets `logDerivatives`, `[rows, dims]`, to the logarithms of
    /// the Jacobian's diagonal, nats; the channels of a pixel may each have an equal part of their sum. Called only where there is
    /// a ``triangularOrder``.
    /// - Throws: errors of the device.
    func forward(
        _ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float],
        logDerivatives: inout [Float]
    ) throws
    /// Maps the first `rows` rows of latents to data; sets `x`, and `logDet` to that of the inverse, nats.
    /// - Throws: ``FlowError/cancelled``, errors of the device.
    func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws
    /// Number of maps that ``inverseSteps(_:context:isCancelled:visit:)`` goes through; 1, as by default, where the executor tells
    /// nothing of what is between.
    var steps: Int { get }
    /// Maps one row of latents to data as ``inverse(_:context:rows:x:logDet:isCancelled:)``, to the same bits, and tells `visit` the values,
    /// `[dims]`, at step 0, the latent, after each map, and at ``steps``, the data. Each is in the flow's own order of dimensions there.
    /// - Throws: ``FlowError/cancelled``, errors of the device.
    func inverseSteps(
        _ z: [Float], context: [Float], isCancelled: () -> Bool, visit: (_ step: Int, _ values: [Float]) -> Void
    ) throws
    /// Maps as ``inverse(_:context:rows:x:logDet:isCancelled:)``, to the same bits, in the dimensions of the first `positions` of
    /// ``conditionalSolve`` at least; the others, and `logDet`, may hold any numbers. By default it maps all. Called only where
    /// there is a ``conditionalSolve``.
    /// - Throws: ``FlowError/cancelled``, errors of the device.
    func inverse(
        _ z: [Float], context: [Float], rows: Int, positions: Int, x: inout [Float], logDet: inout [Float],
        isCancelled: () -> Bool
    ) throws
}

extension FlowExecutor {
    public var formBytes: Int { 0 }
    public var triangularOrder: TriangularOrder? { nil }
    public var infersContext: Bool { contextDims == 0 }

    public func forward(
        _ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float],
        logDerivatives: inout [Float]
    ) throws {
        preconditionFailure("an executor that tells no triangular order was asked for the diagonal")
    }
    public var conditionalSolve: ConditionalSolve? { nil }
    public var steps: Int { 1 }

    public func inverseSteps(
        _ z: [Float], context: [Float], isCancelled: () -> Bool, visit: (_ step: Int, _ values: [Float]) -> Void
    ) throws {
        visit(0, z)
        var (x, logDet) = (z, [Float](repeating: 0, count: 1))
        try inverse(z, context: context, rows: 1, x: &x, logDet: &logDet, isCancelled: isCancelled)
        visit(1, x)
    }

    public func inverse(
        _ z: [Float], context: [Float], rows: Int, positions: Int, x: inout [Float], logDet: inout [Float],
        isCancelled: () -> Bool
    ) throws {
        try inverse(z, context: context, rows: rows, x: &x, logDet: &logDet, isCancelled: isCancelled)
    }
}
