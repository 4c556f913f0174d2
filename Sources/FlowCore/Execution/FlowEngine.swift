import System

/// The executor of a flow on the CPU: the flow, packed, with the memory of the threads that run it.
///
/// Calls run on the calling thread, any number of them at a time. After the first calls nothing is allocated.
public final class FlowEngine: FlowExecutor {
    /// Memory of one call. It is unchecked because the pool gives it to one call at a time.
    private final class Workspace: @unchecked Sendable {
        var tile: RowTile
        var scratch = Scratch()

        init(_ flow: any PackedBijection) {
            // Room grows with the largest call, up to a whole tile: most services never see one.
            tile = RowTile(
                dims: flow.dims, contextDims: flow.contextDims, hasLogDerivatives: flow.triangularOrder != nil, rows: 0)
            flow.reserve(&scratch)
        }
    }

    private let flow: any PackedBijection
    private let workspaces: Pool<Workspace>

    public let dims: Int
    public let contextDims: Int
    public let infersContext: Bool
    public var tileRows: Int { RowTile.capacity }
    /// Multiply-adds of a row by the maps' definition, in either direction.
    public let multiplyAdds: Int
    /// Multiply-adds that the products of a row take in each direction; fewer where a map has a way around some.
    public let multiplyAddsDone: (forward: Int, inverse: Int)
    public let formBytes: Int
    public let triangularOrder: TriangularOrder?
    public let conditionalSolve: ConditionalSolve?

    /// Packs the weights of `flow` once, in `precision` where its maps offer that.
    public init(_ flow: some Bijection, precision: WeightPrecision = .f32) {
        let packed = flow.packed(precision)
        self.flow = packed
        workspaces = Pool { Workspace(packed) }
        dims = packed.dims
        contextDims = packed.contextDims
        infersContext = packed.infersContext
        multiplyAdds = packed.multiplyAdds
        multiplyAddsDone = packed.multiplyAddsDone
        formBytes = packed.formBytes
        triangularOrder = packed.triangularOrder
        conditionalSolve = ConditionalSolve(packed)
    }

    /// Maps `rows` rows of data to latents, both `[rows, D]`; sets `z`, and `logDet`, `[rows]`, nats.
    /// - Parameter context: `[rows, contextDims]`, empty without a context.
    public func forward(
        _ x: Span<Float>, context: Span<Float>, rows: Int, z: inout MutableSpan<Float>,
        logDet: inout MutableSpan<Float>
    ) {
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        let blocks = rows.blocks(of: RowTile.capacity)
        // by index: an iterator allocates where generic code is not specialised, as in debug builds
        for b in 0..<blocks.count {
            let block = blocks[b]
            load(x, context, block, &workspace.tile)
            flow.forward(&workspace.tile, &workspace.scratch)
            store(workspace.tile, block.lowerBound, &z, &logDet)
        }
    }

    public func forward(
        _ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float],
        logDerivatives: inout [Float]
    ) {
        precondition(triangularOrder != nil && logDerivatives.count >= rows * dims)
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        var diagonal = logDerivatives.mutableSpan
        let blocks = rows.blocks(of: RowTile.capacity)
        for b in 0..<blocks.count {
            let block = blocks[b]
            load(x.span, context.span, block, &workspace.tile)
            flow.forward(&workspace.tile, &workspace.scratch)
            store(workspace.tile, block.lowerBound, &zSpan, &logDetSpan)
            let stride = workspace.tile.stride
            for r in 0..<block.count {
                for j in 0..<dims {
                    diagonal[(block.lowerBound + r) * dims + j] = workspace.tile.logDerivatives[r * stride + j]
                }
            }
        }
    }

    /// Maps `rows` rows of latents to data, both `[rows, D]`; sets `x`, and `logDet`, `[rows]`, to that of the inverse, nats.
    /// - Parameter context: `[rows, contextDims]`, empty without a context.
    /// - Throws: ``FlowError/cancelled`` once `isCancelled` is true.
    public func inverse(
        _ z: Span<Float>, context: Span<Float>, rows: Int, x: inout MutableSpan<Float>,
        logDet: inout MutableSpan<Float>, isCancelled: () -> Bool = { false }
    ) throws {
        try inverse(z, context, rows, positions: nil, &x, &logDet, isCancelled)
    }

    /// - Parameter positions: positions to solve for, at least; nil for all.
    private func inverse(
        _ z: Span<Float>, _ context: Span<Float>, _ rows: Int, positions: Int?, _ x: inout MutableSpan<Float>,
        _ logDet: inout MutableSpan<Float>, _ isCancelled: () -> Bool
    ) throws {
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        let blocks = rows.blocks(of: RowTile.capacity)
        for b in 0..<blocks.count {
            let block = blocks[b]
            if isCancelled() { throw FlowError.cancelled }
            load(z, context, block, &workspace.tile)
            if let positions {
                try flow.inverse(
                    &workspace.tile, &workspace.scratch, positions: positions, isCancelled: isCancelled)
            } else {
                try flow.inverse(&workspace.tile, &workspace.scratch, isCancelled: isCancelled)
            }
            store(workspace.tile, block.lowerBound, &x, &logDet)
        }
    }

    /// Maps `rows` rows of data to latents, both `[rows, D]`, for a flow without a context; sets `z`, and `logDet`, `[rows]`,
    /// nats.
    public func forward(
        _ x: Span<Float>, rows: Int, z: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>
    ) {
        let none: [Float] = []
        forward(x, context: none.span, rows: rows, z: &z, logDet: &logDet)
    }

    /// Maps `rows` rows of latents to data, both `[rows, D]`, for a flow without a context; sets `x`, and `logDet`, `[rows]`, to
    /// that of the inverse, nats.
    /// - Throws: ``FlowError/cancelled`` once `isCancelled` is true.
    public func inverse(
        _ z: Span<Float>, rows: Int, x: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>,
        isCancelled: () -> Bool = { false }
    ) throws {
        let none: [Float] = []
        try inverse(z, context: none.span, rows: rows, x: &x, logDet: &logDet, isCancelled: isCancelled)
    }

    private func load(_ x: Span<Float>, _ context: Span<Float>, _ range: Range<Int>, _ tile: inout RowTile) {
        precondition(range.upperBound * dims <= x.count && range.upperBound * contextDims <= context.count)
        tile.reserve(rows: range.count)
        tile.rows = range.count
        let stride = tile.stride
        var elements = tile.elements.mutableSpan
        for r in 0..<range.count {
            for j in 0..<dims { elements[r * stride + j] = x[(range.lowerBound + r) * dims + j] }
        }
        for r in 0..<range.count { tile.logDet[r] = 0 }
        if !tile.logDerivatives.isEmpty {
            var logDerivatives = tile.logDerivatives.mutableSpan
            for i in 0..<range.count * stride { logDerivatives[i] = 0 }
        }
        for i in 0..<range.count * contextDims { tile.context[i] = context[range.lowerBound * contextDims + i] }
    }

    private func store(
        _ tile: borrowing RowTile, _ first: Int, _ z: inout MutableSpan<Float>, _ logDet: inout MutableSpan<Float>
    ) {
        let elements = tile.elements.span
        let (stride, rows) = (tile.stride, tile.rows)
        precondition((first + rows) * dims <= z.count && first + rows <= logDet.count)
        for r in 0..<rows {
            for j in 0..<dims { z[(first + r) * dims + j] = elements[r * stride + j] }
            logDet[first + r] = tile.logDet[r]
        }
    }
}

/// Both directions on whole arrays. Two arrays of one workspace can be read and written side by side, as spans of them cannot.
extension FlowEngine {
    public func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) {
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        forward(x.span, context: context.span, rows: rows, z: &zSpan, logDet: &logDetSpan)
    }

    public func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws {
        var xSpan = x.mutableSpan
        var logDetSpan = logDet.mutableSpan
        try inverse(
            z.span, context: context.span, rows: rows, x: &xSpan, logDet: &logDetSpan, isCancelled: isCancelled)
    }

    private var maps: [any PackedBijection] { (flow as? PackedChain)?.maps ?? [flow] }

    public var steps: Int { maps.count }

    public func inverseSteps(
        _ z: [Float], context: [Float], isCancelled: () -> Bool, visit: (_ step: Int, _ values: [Float]) -> Void
    ) throws {
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        load(z.span, context.span, 0..<1, &workspace.tile)
        visit(0, z)
        for (step, map) in maps.reversed().enumerated() {
            if isCancelled() { throw FlowError.cancelled }
            try map.inverse(&workspace.tile, &workspace.scratch, isCancelled: isCancelled)
            visit(step + 1, (0..<dims).map { workspace.tile.elements[$0] })
        }
    }

    public func inverse(
        _ z: [Float], context: [Float], rows: Int, positions: Int, x: inout [Float], logDet: inout [Float],
        isCancelled: () -> Bool
    ) throws {
        precondition(conditionalSolve != nil)
        var xSpan = x.mutableSpan
        var logDetSpan = logDet.mutableSpan
        try inverse(z.span, context.span, rows, positions: positions, &xSpan, &logDetSpan, isCancelled)
    }
}

extension FlowEngine {
    /// Maps data to latents, both `[batch, D]`, with the log-determinant of each row, nats.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    public func forward(_ x: Matrix, context: Matrix? = nil) throws -> (z: Matrix, logDet: [Float]) {
        try check(x, "x", context)
        let given = context?.elements ?? []
        var z = Matrix(rows: x.rows, columns: dims)
        var logDet = [Float](repeating: 0, count: x.rows)
        var zSpan = z.elements.mutableSpan
        var logDetSpan = logDet.mutableSpan
        forward(
            x.elements.span, context: given.span, rows: x.rows, z: &zSpan, logDet: &logDetSpan)
        return (z, logDet)
    }

    /// Maps latents to data, both `[batch, D]`, with the inverse's log-determinant of each row, nats.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``, ``FlowError/cancelled``.
    public func inverse(
        _ z: Matrix, context: Matrix? = nil, isCancelled: () -> Bool = { false }
    ) throws -> (x: Matrix, logDet: [Float]) {
        try check(z, "z", context)
        let given = context?.elements ?? []
        var x = Matrix(rows: z.rows, columns: dims)
        var logDet = [Float](repeating: 0, count: z.rows)
        var xSpan = x.elements.mutableSpan
        var logDetSpan = logDet.mutableSpan
        try inverse(
            z.elements.span, context: given.span, rows: z.rows, x: &xSpan, logDet: &logDetSpan,
            isCancelled: isCancelled)
        return (x, logDet)
    }

    private func check(_ matrix: Matrix, _ argument: String, _ context: Matrix?) throws {
        guard matrix.columns == dims else {
            throw FlowError.widthMismatch(argument: argument, expected: dims, actual: matrix.columns)
        }
        let actual = context.map { $0.rows == matrix.rows ? $0.columns : -1 } ?? 0
        guard actual == contextDims else {
            throw FlowError.widthMismatch(argument: "context", expected: contextDims, actual: actual)
        }
    }
}
