/// Requests of a ``Batcher`` that have not left: by ticket, by deadline, by their callers' turns, and by group in order of arrival.
///
/// - Complexity: no change costs more than logarithms of the requests that have a deadline and of the callers, but
///   ``take(_:newestFirst:at:)``, which looks at no more callers than ``mostLooked``.
struct RequestTable<Group: Hashable & Sendable>: Sendable {
    typealias Ticket = Batcher<Group>.Ticket
    typealias Instant = Batcher<Group>.Instant

    struct Request: Sendable {
        let ticket: Ticket
        /// Slots of its group and of its caller's turn.
        fileprivate let group: Int
        fileprivate let turn: Int
        fileprivate let priority: Int
        let rows: Int
        let arrived: Instant
        let isPromised: Bool
        /// Time that a block which has run gives the rest; nil for a request that is no stream.
        fileprivate let renewal: Duration?
        /// Seconds of a worker that a row was expected to take when it came.
        fileprivate let secondsPerRow: Double
        /// Rows that no batch has taken; while there are any, the request waits.
        fileprivate(set) var waiting: Range<Int>
        /// Rows that have not finished.
        fileprivate(set) var unfinished: Int
    }

    /// Rows of the request at `slot` that run.
    struct Piece: Sendable {
        var slot: Int
        var ticket: Ticket
        var rows: Range<Int>
        fileprivate var turn: Int
        fileprivate var priority: Int
        fileprivate var seconds: Double
    }

    /// Whose turn a batch is.
    struct Lead: Sendable {
        fileprivate var priority: Int
        fileprivate var turn: Int
        /// Slot of the request that is first.
        var request: Int
        fileprivate var newestFirst: Bool
    }

    struct GroupState: Sendable {
        let group: Group
        /// Rows that wait.
        fileprivate(set) var rows = 0
        /// Requests that have rows waiting, in order of arrival.
        fileprivate var requests = SlotLinks.List()
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

    private let policy: BatchPolicy
    private var requests = Slots<Request>()
    private var slots: [Ticket: Int] = [:]
    private var deadlines = SlotHeap<Instant>()
    private var groups = Slots<GroupState>()
    private var groupSlots: [Group: Int] = [:]
    private var groupLinks = SlotLinks()
    private var turnLinks = SlotLinks()
    private var queues = RequestTerms.Priority.allCases.map { _ in TurnQueue() }

    /// Rows that wait.
    private(set) var waitingRows = 0

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

    // MARK: - Costs

    /// What a batch of `group` costs, as far as it was measured.
    func cost(of group: Group) -> CostModel { groupSlots[group].map { groups[$0].cost } ?? CostModel() }

    mutating func observe(_ group: Group, rows: Int, seconds: Double) {
        let slot = groupSlot(of: group)
        groups[slot].cost.observe(rows: rows, seconds: seconds)
    }

    /// Rows of the largest batch: as many as take no more than the policy's time, or enough that what any batch costs is no more
    /// than half of what they do.
    func rowLimit(_ cost: CostModel) -> Int {
        guard let perRow = cost.perRow, let fitting = cost.rows(within: policy.maxBatchTime / .seconds(1)) else {
            return policy.maxBatchRows
        }
        let worthwhile =
            perRow > 0 ? Int(min((2 * cost.perBatch / perRow).rounded(.up), Double(policy.maxBatchRows))) : 1
        // What a second row costs is known only once one has run with another.
        return min(max(fitting, worthwhile, cost.isSplit ? 1 : 2), policy.maxBatchRows)
    }

    /// Seconds of a worker that `rows` rows of `group` are expected to take in batches of their own; nil before anything was
    /// measured.
    func seconds(_ rows: Int, of group: Group) -> Double? {
        let cost = cost(of: group)
        return secondsPerRow(cost).map { $0 * Double(rows) }
    }

    private func secondsPerRow(_ cost: CostModel) -> Double? {
        cost.perRow.map { $0 + cost.perBatch / Double(rowLimit(cost)) }
    }

    /// Seconds until `rows` more rows of a caller would have run, when nothing else comes: what is before it, which is no more than
    /// all that is there and no more than a turn of each other caller for each of its own; what it has already; and its last batch,
    /// which one worker does while others are busy. Nil when nothing is known of their cost.
    func secondsUntilDone(_ rows: Int, of group: Group, on terms: RequestTerms) -> Double? {
        let cost = cost(of: group)
        guard let own = seconds(rows, of: group), let last = cost.seconds(rows: min(rows, rowLimit(cost))) else {
            return nil
        }
        let priority = RequestTerms.Priority.allCases.firstIndex(of: terms.priority)!
        let queue = queues[priority]
        let mine = queue.work(of: terms.caller) + own
        let others = Double(queue.activeCallers - (queue.isActive(terms.caller) ? 1 : 0))
        let urgent = queues[..<priority].reduce(0) { $0 + $1.work }
        let beside = max(0, min(queue.work - (mine - own), others * max(mine, longestTurn)))
        let workers = Double(policy.workers)
        guard urgent + beside > 0 || !policy.reservesWorker else { return mine / workers }
        return (urgent + beside + max(0, mine - last)) / workers + last
    }

    /// Seconds of the longest batch that anybody may have, by what was measured.
    private var longestTurn: Double {
        groupSlots.values.reduce(0) { longest, slot in
            let cost = groups[slot].cost
            return max(longest, cost.seconds(rows: rowLimit(cost)) ?? 0)
        }
    }

    // MARK: - Coming and going

    /// Puts a request of `rows` rows in.
    mutating func add(_ ticket: Ticket, rows: Int, group: Group, terms: RequestTerms, arrived: Instant) {
        let group = groupSlot(of: group)
        let priority = RequestTerms.Priority.allCases.firstIndex(of: terms.priority)!
        let turn = queues[priority].slot(of: terms.caller)
        let perRow = secondsPerRow(groups[group].cost) ?? 0
        let slot = requests.insert(
            Request(
                ticket: ticket, group: group, turn: turn, priority: priority, rows: rows, arrived: arrived,
                isPromised: terms.isPromised, renewal: terms.isStream ? terms.deadline : nil, secondsPerRow: perRow,
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
        queues[priority].settle(turn)
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

    // MARK: - Turns

    /// Whose turn it is: of the most urgent class that has anything to run, the caller that has been due for longest, or, when that
    /// has waited beyond the policy's patience, the newest; nil while nobody may begin.
    ///
    /// - Parameter isDraining: whether batches do not wait to become full.
    mutating func lead(at now: Instant, isDraining: Bool) -> Lead? {
        let mayWait = policy.maxBatchDelay > .zero && !isDraining
        for priority in queues.indices {
            queues[priority].advance()
            let newestFirst = isOverloaded(priority, at: now)
            var order = queues[priority].order(newestFirst: newestFirst)
            var looked = 0
            while looked < Self.mostLooked, let turn = queues[priority].next(&order) {
                looked += 1
                guard queues[priority][turn].runningTurns < policy.callerBatches else { continue }
                let lead = Lead(
                    priority: priority, turn: turn, request: first(priority, turn, newestFirst),
                    newestFirst: newestFirst)
                if !mayWait || isRipe(requests[lead.request].group, at: now) { return lead }
            }
        }
        return mayWait ? ripeLead(at: now) : nil
    }

    /// The turn of the request that makes a group ripe, however many callers are before it.
    private func ripeLead(at now: Instant) -> Lead? {
        for group in groupSlots.values.sorted() where isRipe(group, at: now) {
            guard let slot = groups[group].requests.first else { continue }
            let request = requests[slot]
            guard queues[request.priority][request.turn].runningTurns < policy.callerBatches else { continue }
            return Lead(priority: request.priority, turn: request.turn, request: slot, newestFirst: false)
        }
        return nil
    }

    /// Whether a batch of the group is full, or its oldest request has waited long enough.
    private func isRipe(_ group: Int, at now: Instant) -> Bool {
        guard let oldest = groups[group].requests.first else { return false }
        return now - requests[oldest].arrived >= policy.maxBatchDelay
            || groups[group].rows >= rowLimit(groups[group].cost)
    }

    /// When a group becomes ripe by waiting, first after `now`.
    func nextRipe(after now: Instant) -> Instant? {
        guard policy.maxBatchDelay > .zero else { return nil }
        return groupSlots.values.compactMap { groups[$0].requests.first }
            .map { requests[$0].arrived + policy.maxBatchDelay }.filter { $0 > now }.min()
    }

    private func isOverloaded(_ priority: Int, at now: Instant) -> Bool {
        guard let turn = queues[priority].longestDue, let oldest = queues[priority][turn].requests.first else {
            return false
        }
        return now - requests[oldest].arrived > policy.patience
    }

    /// The request of a turn that is next.
    private func first(_ priority: Int, _ turn: Int, _ newestFirst: Bool) -> Int {
        let turn = queues[priority][turn]
        return newestFirst && !turn.isPromised ? turn.requests.last! : turn.requests.first!
    }

    /// Whether `slot` cannot be done by its deadline any more, by the measured cost, though it had all workers from now on.
    func isHopeless(_ slot: Int, at now: Instant) -> Bool {
        let request = requests[slot]
        guard request.renewal == nil, let deadline = deadlines.priority(of: slot),
            let seconds = groups[request.group].cost.seconds(rows: request.waiting.count)
        else { return false }
        return now + .seconds(seconds / Double(policy.workers)) > deadline
    }

    /// Takes the rows of one batch: of the lead, then of others that are due and have rows of its group.
    ///
    /// Requests as small as the lead fill the batch up; of larger ones only as many rows go with it as make it take twice its own
    /// time. No row is taken that would end the batch after a deadline in it.
    mutating func take(_ lead: Lead, at now: Instant) -> [Piece] {
        let group = requests[lead.request].group
        let cost = groups[group].cost
        let most = rowLimit(cost)
        let own = min(requests[lead.request].waiting.count, most)
        let fill = max(2 * (cost.seconds(rows: own) ?? 0), policy.leastFillTime / .seconds(1))
        let mostBeside = min(most, max(own, cost.rows(within: fill) ?? most))
        var taken = Taken(deadline: .seconds(Int64.max / 2))
        addRows(of: lead.request, upTo: most, isLead: true, cost, now, to: &taken)
        var looked = 0
        var before = -1
        while taken.rows < most, looked < Self.mostLooked, taken.rows > before {
            before = taken.rows
            var order = queues[lead.priority].order(newestFirst: lead.newestFirst)
            while taken.rows < most, looked < Self.mostLooked, let turn = queues[lead.priority].next(&order) {
                looked += 1
                guard !queues[lead.priority][turn].requests.isEmpty else { continue }
                let slot = first(lead.priority, turn, lead.newestFirst)
                guard requests[slot].group == group else { continue }
                let limit = requests[slot].waiting.count <= own ? most : mostBeside
                addRows(of: slot, upTo: limit, isLead: false, cost, now, to: &taken)
            }
        }
        charge(taken, cost, lead.priority)
        return taken.pieces
    }

    /// Rows on their way into a batch.
    private struct Taken {
        var pieces: [Piece] = []
        var rows = 0
        /// Earliest deadline of them.
        var deadline: Instant
    }

    private mutating func addRows(
        of slot: Int, upTo limit: Int, isLead: Bool, _ cost: CostModel, _ now: Instant, to taken: inout Taken
    ) {
        let request = requests[slot]
        let deadline = min(
            taken.deadline, request.renewal == nil ? deadlines.priority(of: slot) ?? taken.deadline : taken.deadline)
        var count = min(limit - taken.rows, request.waiting.count)
        if let fitting = cost.rows(within: max(0, (deadline - now) / .seconds(1))) {
            count = min(count, fitting - taken.rows)
        }
        if isLead { count = max(count, 1) }
        guard count > 0 else { return }
        let rows = request.waiting.prefix(count)
        taken.pieces.append(
            Piece(
                slot: slot, ticket: request.ticket, rows: rows, turn: request.turn, priority: request.priority,
                seconds: Double(count) * request.secondsPerRow))
        taken.rows += count
        taken.deadline = deadline
        queues[request.priority].change(request.turn) { $0.runningPieces += 1 }
        if rows == request.waiting { stopWaiting(slot) } else { self.count(-count, in: request.group) }
        requests[slot].waiting = rows.upperBound..<request.waiting.upperBound
    }

    /// Counts what a batch costs for the turns of its callers, by their rows.
    private mutating func charge(_ taken: Taken, _ cost: CostModel, _ priority: Int) {
        let measured = cost.seconds(rows: taken.rows).map { $0 / Double(taken.rows) }
        let perRow = max(measured ?? Self.unmeasuredSeconds, Self.leastSeconds)
        for piece in taken.pieces {
            noteFirst(priority, piece.turn)
            queues[priority].settle(piece.turn, charged: perRow * Double(piece.rows.count))
        }
    }

    // MARK: - Inside

    /// Takes a request, of which every row was taken or is given up, out of its group's list and its caller's.
    private mutating func stopWaiting(_ slot: Int) {
        let request = requests[slot]
        groupLinks.remove(slot, from: &groups[request.group].requests)
        count(-request.waiting.count, in: request.group)
        queues[request.priority].change(request.turn) { turnLinks.remove(slot, from: &$0.requests) }
    }

    private mutating func noteFirst(_ priority: Int, _ turn: Int) {
        queues[priority][turn].isPromised =
            queues[priority][turn].requests.first.map { requests[$0].isPromised } ?? false
    }

    private mutating func count(_ rows: Int, in group: Int) {
        groups[group].rows += rows
        waitingRows += rows
    }

    /// Slot of a group, which may be new; then another of which nothing waits may be forgotten.
    private mutating func groupSlot(of group: Group) -> Int {
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
