import FlowCore
import FlowKernels

/// Packed form of ``Coupling``: key and transformed dimensions alternate.
final class PackedCoupling: PackedBijection {
    let dims: Int
    /// Index of the first key dimension.
    let parity: Int
    let network: PackedNetwork

    init(dims: Int, parity: Int, network: PackedNetwork) {
        self.dims = dims
        self.parity = parity
        self.network = network
    }

    var contextDims: Int { network.shape.contextDims }
    var multiplyAdds: Int { network.multiplyAdds }
    func reserve(_ scratch: inout Scratch) { network.reserve(&scratch.workspace(DenseWorkspace.self).buffers) }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        apply(inverse: false, &tile, &scratch)
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        if isCancelled() { throw FlowError.cancelled }
        apply(inverse: true, &tile, &scratch)
    }

    private func apply(inverse: Bool, _ tile: inout RowTile, _ scratch: inout Scratch) {
        network.apply(
            inverse: inverse, &tile, key: Operand(offset: parity, step: 2, stride: tile.stride),
            target: Operand(offset: 1 - parity, step: 2, stride: tile.stride),
            &scratch.workspace(DenseWorkspace.self).buffers)
    }
}
