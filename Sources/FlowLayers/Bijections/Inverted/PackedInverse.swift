import FlowCore

/// A packed map with its directions exchanged. A masked autoregressive map becomes an inverse autoregressive one (Kingma et al.,
/// *IAF*, 2016, arXiv:1606.04934): samples take one parallel pass, densities one sequential solve.
final class PackedInverse: PackedBijection {
    let map: any PackedBijection

    init(_ map: any PackedBijection) { self.map = map }

    var dims: Int { map.dims }
    var contextDims: Int { map.contextDims }
    var multiplyAdds: Int { map.multiplyAdds }
    var multiplyAddsDone: (forward: Int, inverse: Int) { (map.multiplyAddsDone.inverse, map.multiplyAddsDone.forward) }
    var formBytes: Int { map.formBytes }
    func reserve(_ scratch: inout Scratch) { map.reserve(&scratch) }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        do {
            try map.inverse(&tile, &scratch, isCancelled: { false })
        } catch {
            preconditionFailure("only cancellation ends an inverse early")
        }
    }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        if isCancelled() { throw FlowError.cancelled }
        map.forward(&tile, &scratch)
    }
}
