package import FlowCore
import FlowModels

/// What a training fits: a flow, and with variational dequantization the dequantizer that is learned with it.
struct Fitted<Flow: Bijection>: Parametrized {
    /// Tape of one pass through the flow, and through the dequantizer if there is one.
    struct Tape: Sendable {
        var flow: Flow.Tape
        /// Tape of the dequantizer; nil without one.
        var dequantizer: Dequantizer.Tape?
    }

    var flow: Flow
    var dequantizer: Dequantizer?

    var dims: Int { flow.dims }
    var partRows: Int { max(flow.partRows, dequantizer?.partRows ?? 1) }
    /// Rows of the flow's chains; with a dequantizer all, since its products are of many rows.
    var chainRows: Int { dequantizer?.chainRows ?? flow.chainRows }

    /// Visits the flow's arrays, and then the dequantizer's.
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try flow.visitParameters(body)
        try dequantizer?.visitParameters(body)
    }

    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        flow.visitGradients(of: tapes.map(\.flow), body)
        dequantizer?.visitGradients(of: tapes.compactMap(\.dequantizer), body)
    }
}

extension Parametrized {
    /// Returns the parameter arrays in visiting order, shared, not copied.
    package func parameters() -> [[Float]] {
        var arrays: [[Float]] = []
        var shared = self
        shared.visitParameters { _, values in arrays.append(values) }
        return arrays
    }

    /// Replaces every parameter array, in visiting order.
    package mutating func setParameters(_ arrays: [[Float]]) {
        var rest = arrays[...]
        visitParameters { _, values in values = rest.removeFirst() }
    }
}
