/// The requests of a ``Batcher`` that have not left, by ticket, by deadline, and in the lines in which their rows wait.
///
/// A line's requests stand in the order in which their rows are taken. With ``BatchPolicy/Sharing/shared`` every group has a
/// line, in order of arrival. With ``BatchPolicy/Sharing/apart`` all stand in one, and whose turn is over goes to its end. A
/// line is a doubly linked list, so that a request leaves it wherever it stands; lines are ranked by the place of their
/// first request.
/// - Complexity: no change costs more than the logarithms of the requests that have a deadline and of the lines, but
///   ``take(behind:)``, which costs as much for every request that it takes rows of.
struct RequestTable<Group: Hashable & Sendable>: Sendable {
    typealias Ticket = Batcher<Group>.Ticket
    typealias Instant = Batcher<Group>.Instant

    struct Request: Sendable {
        let ticket: Ticket
        let group: Group
        let arrived: Instant
        /// Rows that no batch has taken; while there are any, the request stands in a line.
        fileprivate(set) var waiting: Range<Int>
        /// Rows that have not finished.
        var unfinished: Int
        fileprivate let line: Int
        /// Place in the line, which grows from each request that took one at a line's end to the next.
        fileprivate var place: UInt64 = 0
        /// Slot of the request before it in the line; nil for the first.
        fileprivate var before: Int?
        /// Slot of the request behind it in the line; nil for the last.
        fileprivate var after: Int?
    }

    /// Rows of the request at `slot` that run.
    struct Piece: Sendable {
        var slot: Int
        var ticket: Ticket
        var rows: Range<Int>
    }

    private struct Line {
        /// Group whose requests stand in the line; nil for the line of all groups.
        var group: Group?
        /// Slots of the requests at both ends; nil only while a change is under way.
        var first: Int?
        var last: Int?
        var rows = 0
    }

    private let sharing: BatchPolicy.Sharing
    private let maxBatchRows: Int
    private var requests = Slots<Request>()
    private var slots: [Ticket: Int] = [:]
    private var deadlines = SlotHeap<Instant>()
    private var lines = Slots<Line>()
    private var lineSlots: [Group?: Int] = [:]
    /// Places of the first requests of all lines.
    private var heads = SlotHeap<UInt64>()
    /// Places of the first requests of lines that have rows for a whole batch.
    private var fullHeads = SlotHeap<UInt64>()
    private var nextPlace: UInt64 = 0

    /// Number of rows that wait.
    private(set) var waitingRows = 0

    init(policy: BatchPolicy) {
        sharing = policy.sharing
        maxBatchRows = policy.maxBatchRows
    }

    subscript(slot: Int) -> Request { requests[slot] }

    /// Slot of a request; nil when it has left.
    func slot(of ticket: Ticket) -> Int? { slots[ticket] }

    /// The request that is due first, of those with a deadline.
    var firstDue: (slot: Int, deadline: Instant)? { deadlines.first.map { ($0.slot, $0.priority) } }

    /// Slot of the waiting request that has had its place for longest.
    var first: Int? { heads.first.flatMap { lines[$0.slot].first } }

    /// Slot of the waiting request that has had its place for longest among the first of lines with rows for a whole batch.
    var firstOfFullLine: Int? { fullHeads.first.flatMap { lines[$0.slot].first } }

    /// Puts a request of `rows` rows at the end of its line.
    mutating func add(_ ticket: Ticket, rows: Int, group: Group, deadline: Instant?, arrived: Instant) {
        let line = line(of: sharing == .shared ? group : nil)
        let slot = requests.insert(
            Request(
                ticket: ticket, group: group, arrived: arrived, waiting: 0..<rows, unfinished: rows, line: line))
        precondition(slots.updateValue(slot, forKey: ticket) == nil, "a ticket is used once")
        if let deadline { deadlines.set(slot, to: deadline) }
        count(rows, in: line)
        link(slot)
        rank(line)
    }

    /// Takes the request at `slot` out, and what waits of it.
    mutating func remove(_ slot: Int) {
        let request = requests[slot]
        if !request.waiting.isEmpty {
            count(-request.waiting.count, in: request.line)
            unlink(slot)
            rank(request.line)
        }
        deadlines.remove(slot)
        slots[request.ticket] = nil
        requests.remove(slot)
    }

    /// Takes the rows of one batch out of the line that begins with the request at `first`; with
    /// ``BatchPolicy/Sharing/apart`` of this request alone.
    mutating func take(behind first: Int) -> [Piece] {
        let line = requests[first].line
        var pieces: [Piece] = []
        var room = maxBatchRows
        var next: Int? = first
        while room > 0, let slot = next {
            let waiting = requests[slot].waiting
            let taken = waiting.prefix(room)
            pieces.append(Piece(slot: slot, ticket: requests[slot].ticket, rows: taken))
            room -= taken.count
            next = sharing == .shared ? requests[slot].after : nil
            count(-taken.count, in: line)
            requests[slot].waiting = taken.upperBound..<waiting.upperBound
            if sharing == .apart || taken == waiting { unlink(slot) }
            if sharing == .apart, taken != waiting { link(slot) }
        }
        rank(line)
        return pieces
    }

    /// Notes that the rows of a piece have finished.
    /// - Returns: whether they were the last of a request that had not left before.
    mutating func finish(_ piece: Piece) -> Bool {
        // The slot may be another's by now.
        guard requests.element(at: piece.slot)?.ticket == piece.ticket else { return false }
        requests[piece.slot].unfinished -= piece.rows.count
        guard requests[piece.slot].unfinished == 0 else { return false }
        remove(piece.slot)
        return true
    }

    // MARK: - Lines

    private mutating func line(of group: Group?) -> Int {
        if let slot = lineSlots[group] { return slot }
        let slot = lines.insert(Line(group: group))
        lineSlots[group] = slot
        return slot
    }

    private mutating func count(_ rows: Int, in line: Int) {
        lines[line].rows += rows
        waitingRows += rows
    }

    /// Puts the request at `slot` at the end of its line.
    private mutating func link(_ slot: Int) {
        let line = requests[slot].line
        requests[slot].place = nextPlace
        nextPlace += 1
        requests[slot].before = lines[line].last
        requests[slot].after = nil
        if let last = lines[line].last { requests[last].after = slot } else { lines[line].first = slot }
        lines[line].last = slot
    }

    private mutating func unlink(_ slot: Int) {
        let (line, before, after) = (requests[slot].line, requests[slot].before, requests[slot].after)
        if let before { requests[before].after = after } else { lines[line].first = after }
        if let after { requests[after].before = before } else { lines[line].last = before }
    }

    /// Ranks a line by who is its first now, and lets go of it when nobody stands in it.
    private mutating func rank(_ line: Int) {
        guard let first = lines[line].first else {
            heads.remove(line)
            fullHeads.remove(line)
            lineSlots[lines[line].group] = nil
            lines.remove(line)
            return
        }
        heads.set(line, to: requests[first].place)
        if lines[line].rows >= maxBatchRows {
            fullHeads.set(line, to: requests[first].place)
        } else {
            fullHeads.remove(line)
        }
    }
}
