/// Requests of a ``Batcher`` that have not left: by ticket, by deadline, by their callers' turns, and by group in order of arrival.
///
/// - Complexity: no change costs more than logarithms of the requests that have a deadline and of the callers, but
///   ``take(_:at:)``, which looks at no more callers than ``mostLooked``.
struct RequestTable<Group: Hashable & Sendable>: Sendable {
    typealias Ticket = Batcher<Group>.Ticket
    typealias Instant = Batcher<Group>.Instant

    struct Request: Sendable {
        let ticket: Ticket
        /// Slots of its group and of its caller's turn.
        let group: Int
        let turn: Int
        let priority: Int
        let rows: Int
        let arrived: Instant
        let isPromised: Bool
        /// Parts that each row can be computed in, on different threads.
        let parts: Int
        /// Time that a block which has run gives the rest; nil for a request that is no stream.
        let renewal: Duration?
        /// Seconds of a worker that a row was expected to take when it came.
        let secondsPerRow: Double
        /// Rows that no batch has taken; while there are any, the request waits.
        var waiting: Range<Int>
        /// Rows that have not finished.
        var unfinished: Int
        /// Whether a batch has taken rows of it.
        var isStarted: Bool { waiting.count < rows }
    }

    /// Rows of the request at `slot` that run.
    struct Piece: Sendable {
        var slot: Int
        var ticket: Ticket
        var rows: Range<Int>
        /// Parts that the rows can be computed in.
        var parts: Int
        var turn: Int
        var priority: Int
        var seconds: Double
    }

    /// Whose turn a batch is.
    struct Lead: Sendable {
        var priority: Int
        var turn: Int
        /// Slot of the request that is first.
        var request: Int
        var newestFirst: Bool
    }

    struct GroupState: Sendable {
        let group: Group
        /// Rows that wait.
        var rows = 0
        /// Requests that have rows waiting, in order of arrival.
        var requests = SlotLinks.List()
        var cost = CostModel()
    }

    /// Callers that are looked at for one batch, at most.
    static var mostLooked: Int { 256 }
    /// Groups whose costs are remembered though nothing of them waits, at most.
    static var mostGroups: Int { 64 }
    /// Seconds of a row for its caller's turn before anything was measured.
    static var unmeasuredSeconds: Double { 0.001 }
    /// Seconds of a row for its caller's turn, at least, so that a turn always ends.
    static var leastSeconds: Double { 1e-9 }

    let policy: BatchPolicy
    var requests = Slots<Request>()
    private var slots: [Ticket: Int] = [:]
    var deadlines = SlotHeap<Instant>()
    var groups = Slots<GroupState>()
    var groupSlots: [Group: Int] = [:]
    var groupLinks = SlotLinks()
    var turnLinks = SlotLinks()
    var queues = RequestTerms.Priority.allCases.map { _ in TurnQueue() }

    /// Rows that wait.
    private(set) var waitingRows = 0
    /// Requests of which rows have been taken.
    private(set) var started = 0
    /// Numbers of batches that were taken, by what closed them.
    var closed: [BatchClosing: Int] = [:]

    /// Requests that have not left.
    var count: Int { slots.count }

    init(policy: BatchPolicy) { self.policy = policy }

    subscript(slot: Int) -> Request { requests[slot] }

    /// Slot of a request; nil when it has left.
    func slot(of ticket: Ticket) -> Int? { slots[ticket] }

    /// The request that is due first, of those with a deadline.
    var firstDue: (slot: Int, deadline: Instant)? { deadlines.first.map { ($0.slot, $0.priority) } }

    /// The group of a request.
    func group(of slot: Int) -> Group { groups[requests[slot].group].group }

    /// Seconds of a worker that everything that waits and runs is expected to take.
    var work: Double { queues.reduce(0) { $0 + $1.work } }

    // MARK: - Coming and going

    /// Puts a request of `rows` rows in.
    mutating func add(
        _ ticket: Ticket, rows: Int, parts: Int, group: Group, terms: RequestTerms, arrived: Instant
    ) {
        let group = groupSlot(of: group)
        let priority = terms.priority.rank
        let turn = queues[priority].slot(of: terms.caller)
        let perRow = secondsPerRow(groups[group].cost) ?? 0
        let slot = requests.insert(
            Request(
                ticket: ticket, group: group, turn: turn, priority: priority, rows: rows, arrived: arrived,
                isPromised: terms.isPromised, parts: parts, renewal: terms.isStream ? terms.deadline : nil,
                secondsPerRow: perRow,
                waiting: 0..<rows, unfinished: rows))
        precondition(slots.updateValue(slot, forKey: ticket) == nil, "a ticket is used once")
        if let deadline = terms.deadline { deadlines.set(slot, to: arrived + deadline) }
        groupLinks.append(slot, to: &groups[group].requests)
        count(rows, in: group)
        queues[priority].change(turn) { turn in
            turnLinks.append(slot, to: &turn.requests)
            turn.work += Double(rows) * perRow
        }
        noteFirst(priority, turn)
        let spent = terms.spent >= policy.leastSpentTime ? terms.spent / .seconds(1) : 0
        queues[priority].settle(turn, charged: spent)
    }

    /// Takes a request out, and what waits of it.
    mutating func remove(_ slot: Int) {
        let request = requests[slot]
        if !request.waiting.isEmpty {
            let (priority, turn) = (request.priority, request.turn)
            stopWaiting(slot)
            queues[priority].change(turn) { $0.work -= Double(request.waiting.count) * request.secondsPerRow }
            noteFirst(priority, turn)
            queues[priority].settle(turn)
        }
        if request.isStarted { started -= 1 }
        deadlines.remove(slot)
        slots[request.ticket] = nil
        requests.remove(slot)
    }

    /// The rows of a piece have finished.
    /// - Returns: whether they were the last of a request that had not left before.
    mutating func finish(_ piece: Piece, at now: Instant) -> Bool {
        queues[piece.priority].change(piece.turn) { turn in
            turn.runningPieces -= 1
            turn.work = max(0, turn.work - piece.seconds)
        }
        queues[piece.priority].settle(piece.turn)
        // The slot may be another's by now.
        guard requests.element(at: piece.slot)?.ticket == piece.ticket else { return false }
        requests[piece.slot].unfinished -= piece.rows.count
        if let renewal = requests[piece.slot].renewal { deadlines.set(piece.slot, to: now + renewal) }
        guard requests[piece.slot].unfinished == 0 else { return false }
        remove(piece.slot)
        return true
    }

    /// A batch that was the turn of `lead` starts; ``endTurn(_:)`` follows before its pieces finish.
    mutating func beginTurn(_ lead: Lead) { queues[lead.priority].change(lead.turn) { $0.runningTurns += 1 } }
    mutating func endTurn(_ lead: Lead) { queues[lead.priority].change(lead.turn) { $0.runningTurns -= 1 } }

    // MARK: - Inside

    /// Takes a request, of which every row was taken or is given up, out of its group's list and its caller's.
    mutating func stopWaiting(_ slot: Int) {
        let request = requests[slot]
        groupLinks.remove(slot, from: &groups[request.group].requests)
        count(-request.waiting.count, in: request.group)
        queues[request.priority].change(request.turn) { turnLinks.remove(slot, from: &$0.requests) }
    }

    /// Leaves the rows of a request from `first` on to later batches.
    mutating func keepWaiting(_ slot: Int, from first: Int) {
        if !requests[slot].isStarted { started += 1 }
        requests[slot].waiting = first..<requests[slot].waiting.upperBound
    }

    mutating func noteFirst(_ priority: Int, _ turn: Int) {
        queues[priority][turn].isPromised =
            queues[priority][turn].requests.first.map { requests[$0].isPromised } ?? false
    }

    mutating func count(_ rows: Int, in group: Int) {
        groups[group].rows += rows
        waitingRows += rows
    }

    /// Slot of a group, which may be new; then another of which nothing waits may be forgotten.
    mutating func groupSlot(of group: Group) -> Int {
        if let slot = groupSlots[group] { return slot }
        if groupSlots.count >= Self.mostGroups,
            let idle = groupSlots.first(where: { groups[$0.value].requests.isEmpty })
        {
            groupSlots[idle.key] = nil
            groups.remove(idle.value)
        }
        let slot = groups.insert(GroupState(group: group))
        groupSlots[group] = slot
        return slot
    }
}
