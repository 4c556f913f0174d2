/// Neighbours of slots that stand in lists, a slot in one list of this table at a time.
///
/// - Complexity: every change is O(1).
struct SlotLinks: Sendable {
    /// Ends of a doubly linked list of slots.
    struct List: Sendable {
        fileprivate(set) var first: Int?
        fileprivate(set) var last: Int?

        var isEmpty: Bool { first == nil }
    }

    private var before: [Int?] = []
    private var after: [Int?] = []

    /// Slot behind `slot` in its list.
    func next(_ slot: Int) -> Int? { after[slot] }

    /// Slot in front of `slot` in its list.
    func previous(_ slot: Int) -> Int? { before[slot] }

    /// Puts a slot, which stands in no list, at the end of one.
    mutating func append(_ slot: Int, to list: inout List) {
        while before.count <= slot {
            before.append(nil)
            after.append(nil)
        }
        before[slot] = list.last
        after[slot] = nil
        if let last = list.last { after[last] = slot } else { list.first = slot }
        list.last = slot
    }

    /// Takes a slot out of the list that it stands in.
    mutating func remove(_ slot: Int, from list: inout List) {
        let (front, back) = (before[slot], after[slot])
        if let front { after[front] = back } else { list.first = back }
        if let back { before[back] = front } else { list.last = front }
    }
}
