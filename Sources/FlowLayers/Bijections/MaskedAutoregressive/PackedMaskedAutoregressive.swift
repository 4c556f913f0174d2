package import FlowCore
import FlowKernels

// Classes: a chain passes from map to map by counting a reference, not by copying a map.

/// ``ActNorm``, packed.
final class PackedActNorm: PackedBijection {
    let shift: [Float]
    let scale: [Float]
    let inverseScale: [Float]
    let logDet: Float

    init(shift: [Float], scale: [Float], inverseScale: [Float], logDet: Float) {
        self.shift = shift
        self.scale = scale
        self.inverseScale = inverseScale
        self.logDet = logDet
    }

    var dims: Int { shift.count }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        let (shiftArray, scaleArray) = (self.shift, self.scale)
        let shift = shiftArray.span
        let scale = scaleArray.span
        let (rows, stride) = (tile.rows, tile.stride)
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<shift.count { x[r * stride + j] = (x[r * stride + j] + shift[j]) * scale[j] }
        }
        for r in 0..<rows { tile.logDet[r] += logDet }
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        let (shiftArray, scaleArray) = (self.shift, self.inverseScale)
        let shift = shiftArray.span
        let scale = scaleArray.span
        let (rows, stride) = (tile.rows, tile.stride)
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<shift.count { x[r * stride + j] = x[r * stride + j] * scale[j] - shift[j] }
        }
        for r in 0..<rows { tile.logDet[r] -= logDet }
    }
}

/// ``Coupling``, packed: key and transformed dimensions alternate.
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
    var scratchSizes: ScratchSizes { network.scratchSizes }

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
            target: Operand(offset: 1 - parity, step: 2, stride: tile.stride), &scratch)
    }
}

/// ``MaskedAutoregressive``, packed: the density direction parallel, sampling one sequential solve.
final class PackedMaskedAutoregressive: PackedBijection {
    let dims: Int
    let network: PackedNetwork
    let sequential: SequentialSolve

    init(dims: Int, network: PackedNetwork) {
        self.dims = dims
        self.network = network
        sequential = SequentialSolve(
            network.layers, shape: network.shape, transform: network.transform, transformed: dims,
            reversed: network.reversed)
    }

    var contextDims: Int { network.shape.contextDims }
    var multiplyAdds: Int { network.multiplyAdds }
    var scratchSizes: ScratchSizes { network.scratchSizes.union(sequential.scratchSizes) }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        let first = network.reversed ? dims - 1 : 0
        network.apply(
            inverse: false, &tile, key: Operand(offset: first, step: network.reversed ? -1 : 1, stride: tile.stride),
            target: Operand(offset: first, step: 1, stride: tile.stride), &scratch)
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        try sequential.run(&tile, &scratch, isCancelled: isCancelled)
    }
}

/// A packed map with its directions exchanged. Of a masked autoregressive map this is the inverse autoregressive one
/// (Kingma et al., *IAF*, 2016, arXiv:1606.04934): samples in one parallel pass, densities by one sequential solve.
package final class PackedInverse: PackedBijection {
    let map: any PackedBijection

    package init(_ map: any PackedBijection) { self.map = map }

    package var dims: Int { map.dims }
    package var contextDims: Int { map.contextDims }
    package var multiplyAdds: Int { map.multiplyAdds }
    package var scratchSizes: ScratchSizes { map.scratchSizes }

    package func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        do {
            try map.inverse(&tile, &scratch, isCancelled: { false })
        } catch {
            preconditionFailure("only cancellation ends an inverse early")
        }
    }

    package func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        if isCancelled() { throw FlowError.cancelled }
        map.forward(&tile, &scratch)
    }
}

/// Packed maps one after another, in the order of data → latent.
package final class PackedChain: PackedBijection {
    let maps: [any PackedBijection]

    package init(_ maps: [any PackedBijection]) {
        precondition(!maps.isEmpty)
        self.maps = maps
    }

    package var dims: Int { maps[0].dims }
    package var contextDims: Int { maps.reduce(0) { max($0, $1.contextDims) } }
    package var multiplyAdds: Int { maps.reduce(0) { $0 + $1.multiplyAdds } }
    package var scratchSizes: ScratchSizes { maps.reduce(ScratchSizes()) { $0.union($1.scratchSizes) } }

    package func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        // by index: the iterator allocates in debug builds, where the tests count
        for i in 0..<maps.count { maps[i].forward(&tile, &scratch) }
    }

    package func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        for i in 0..<maps.count {
            try maps[maps.count - 1 - i].inverse(&tile, &scratch, isCancelled: isCancelled)
        }
    }
}
