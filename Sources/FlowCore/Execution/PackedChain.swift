/// Packed maps one after another, in the order of data → latent.
package final class PackedChain: PackedBijection {
    let maps: [any PackedBijection]

    package init(_ maps: [any PackedBijection]) {
        precondition(!maps.isEmpty)
        self.maps = maps
    }

    package var dims: Int { maps[0].dims }
    package var contextDims: Int { maps.reduce(0) { max($0, $1.contextDims) } }
    package var infersContext: Bool { maps.allSatisfy(\.infersContext) }
    package var multiplyAdds: Int { maps.reduce(0) { $0 + $1.multiplyAdds } }
    package var multiplyAddsDone: (forward: Int, inverse: Int) {
        maps.reduce((0, 0)) { ($0.0 + $1.multiplyAddsDone.forward, $0.1 + $1.multiplyAddsDone.inverse) }
    }
    package var formBytes: Int { maps.reduce(0) { $0 + $1.formBytes } }
    package var triangularOrder: TriangularOrder? {
        maps.reduce(.any) { TriangularOrder.following($0, $1.triangularOrder) }
    }
    package func reserve(_ scratch: inout Scratch) { for map in maps { map.reserve(&scratch) } }

    package func forward(_ tile: inout RowTile, _ scratch: inout Scratch) {
        // by index: the iterator allocates in debug builds, where the tests count
        for i in 0..<maps.count { maps[i].forward(&tile, &scratch) }
    }

    package func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        for i in 0..<maps.count {
            try maps[maps.count - 1 - i].inverse(&tile, &scratch, isCancelled: isCancelled)
        }
    }

    /// The positions are those of the last map, in a chain that has a ``ConditionalSolve``.
    package func inverse(
        _ tile: inout RowTile, _ scratch: inout Scratch, positions: Int, isCancelled: () -> Bool
    ) throws {
        try maps[maps.count - 1].inverse(&tile, &scratch, positions: positions, isCancelled: isCancelled)
        for i in 1..<maps.count {
            try maps[maps.count - 1 - i].inverse(&tile, &scratch, isCancelled: isCancelled)
        }
    }
}
