/// Heap of slots by priority, the least first, each of which can be moved or taken out wherever it stands.
///
/// A binary heap in an array, beside an array of where each slot is. Nothing that left stays behind, as it does in a heap
/// from which only the first element can be taken.
/// - Complexity: ``first`` is O(1), every change O(log n).
package struct SlotHeap<Priority: Comparable & Sendable>: Sendable {
    private struct Node {
        var slot: Int
        var priority: Priority
    }

    /// `nodes[(i − 1) / 2]` has no greater priority than `nodes[i]`.
    private var nodes: [Node] = []
    /// Positions in `nodes` by slot; −1 where a slot has none.
    private var positions: [Int] = []

    package init() {}

    /// Number of slots.
    package var count: Int { nodes.count }

    /// A slot of the least priority; nil when there is none.
    package var first: (slot: Int, priority: Priority)? { nodes.first.map { ($0.slot, $0.priority) } }

    /// Priority of `slot`; nil when it is not there.
    package func priority(of slot: Int) -> Priority? {
        slot < positions.count && positions[slot] >= 0 ? nodes[positions[slot]].priority : nil
    }

    /// Puts `slot` in, or moves it.
    package mutating func set(_ slot: Int, to priority: Priority) {
        while positions.count <= slot { positions.append(-1) }
        let node = Node(slot: slot, priority: priority)
        if positions[slot] < 0 {
            nodes.append(node)
            settle(node, from: nodes.count - 1)
        } else if nodes[positions[slot]].priority != priority {
            settle(node, from: positions[slot])
        }
    }

    /// Takes `slot` out; does nothing when it is not there.
    package mutating func remove(_ slot: Int) {
        guard slot < positions.count, positions[slot] >= 0 else { return }
        let hole = positions[slot]
        positions[slot] = -1
        let last = nodes.removeLast()
        if hole < nodes.count { settle(last, from: hole) }
    }

    /// Puts `node` where it belongs, in place of what is at `hole`.
    private mutating func settle(_ node: Node, from hole: Int) {
        var hole = hole
        while hole > 0, node.priority < nodes[(hole - 1) / 2].priority {
            put(nodes[(hole - 1) / 2], at: hole)
            hole = (hole - 1) / 2
        }
        while let child = leastChild(of: hole), nodes[child].priority < node.priority {
            put(nodes[child], at: hole)
            hole = child
        }
        put(node, at: hole)
    }

    private func leastChild(of position: Int) -> Int? {
        let (left, right) = (2 * position + 1, 2 * position + 2)
        guard right < nodes.count else { return left < nodes.count ? left : nil }
        return nodes[right].priority < nodes[left].priority ? right : left
    }

    private mutating func put(_ node: Node, at position: Int) {
        nodes[position] = node
        positions[node.slot] = position
    }
}
