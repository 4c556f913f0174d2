import FlowCore
import System

/// Division of the rows of a step: into blocks, whose tapes are in memory together; of a block into chains, over each of which a
/// gradient is one sum row by row; of a chain into parts, each a pass of a thread.
///
/// The chains alone decide the bits of a gradient, and neither the threads nor the memory have a say in them.
struct BatchDivision: Equatable {
    /// Chains of a block, and the parts of each.
    typealias Block = [[Range<Int>]]

    /// Number of rows.
    let rows: Int
    /// Blocks in the order of the rows.
    let blocks: [Block]

    /// Divides the rows of a step through `map`.
    ///
    /// - Parameter atATime: most rows whose tapes are in memory together, where a chain is no longer than that; 0 for as many as keep
    ///   the threads busy.
    init(rows: Int, of map: some Parametrized, atATime: Int, threads: Int) {
        self.init(
            rows: rows, chainRows: map.chainRows, partRows: map.partRows, atATime: atATime, threads: threads)
    }

    /// - Parameters:
    ///   - chainRows: most rows of a chain.
    ///   - partRows: number of rows by whose multiples a chain may be cut into parts.
    init(rows: Int, chainRows: Int, partRows: Int, atATime: Int, threads: Int) {
        self.rows = rows
        let mostRows = atATime == 0 ? chainRows : min(atATime, chainRows)
        let chains = rows.divided(into: (rows - 1) / mostRows + 1)
        let longest = chains[0].count
        // half a chain for every thread: smaller parts would read the weights too often
        let busy = (threads * max(1, longest / 2) + longest - 1) / longest
        let together = max(1, atATime == 0 ? busy : min(busy, atATime / longest))
        blocks = chains.count.blocks(of: together).map { block in
            let even = (chains[block].reduce(0) { $0 + $1.count } + threads - 1) / threads
            let part = (even + partRows - 1) / partRows * partRows
            return chains[block].map { Array($0.blocks(of: part)) }
        }
    }

    /// Rows of the parts of the largest block.
    var largest: [Int] {
        let sizes = blocks.map { $0.joined().map(\.count) }
        return sizes.max { $0.reduce(0, +) < $1.reduce(0, +) } ?? []
    }
}
