import FlowCore
import FlowKernels

/// Packed form of ``MaskedAutoregressive``: densities take one parallel pass, samples one sequential solve.
final class PackedMaskedAutoregressive: PackedBijection {
    let dims: Int
    let network: PackedNetwork
    let sequential: SequentialSolve

    init(dims: Int, network: PackedNetwork) {
        self.dims = dims
        self.network = network
        sequential = SequentialSolve(network)
    }

    var contextDims: Int { network.shape.contextDims }
    var triangularOrder: TriangularOrder? { network.reversed ? .falling : .rising }
    var multiplyAdds: Int { network.multiplyAdds }

    func reserve(_ scratch: inout Scratch) {
        network.reserve(&scratch.workspace(DenseWorkspace.self).buffers)
        sequential.reserve(&scratch.workspace(SolveWorkspace.self).scratch)
    }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        let first = network.reversed ? dims - 1 : 0
        network.apply(
            inverse: false, &tile, key: Operand(offset: first, step: network.reversed ? -1 : 1, stride: tile.stride),
            target: Operand(offset: first, step: 1, stride: tile.stride),
            &scratch.workspace(DenseWorkspace.self).buffers)
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        try sequential.run(&tile, &scratch.workspace(SolveWorkspace.self).scratch, isCancelled: isCancelled)
    }
}
