/// Callers of one class of priority, in the order of their turns: start-time fair queueing (Goyal, Vin and Cheng, *Start-time Fair
/// Queueing*, IEEE/ACM Transactions on Networking 5, 1997), with the time of workers as what is shared.
///
/// Each caller has the virtual time of its next turn, which grows by what its rows cost. A caller is due when that time has come;
/// who took more than the others is ahead until they have caught up, and somebody new is due at once. A caller that wants nothing
/// is remembered for as long as it is ahead.
/// - Complexity: a change costs no more than the logarithm of the callers that are ahead.
struct TurnQueue: Sendable {
    struct Turn: Sendable {
        /// Nil for a request that counts for itself.
        let caller: Caller?
        /// Requests that have rows waiting, in the order in which they came.
        var requests = SlotLinks.List()
        /// Whether the first of them was promised an answer by its deadline.
        var isPromised = false
        /// Seconds of a worker that its rows are expected to take, waiting and running.
        var work = 0.0
        /// Its pieces of batches that run.
        var runningPieces = 0
        /// Batches that run and are its turn, not only filled up by it.
        var runningTurns = 0
        /// Whether it has had nothing yet, as far back as it is remembered.
        fileprivate(set) var isNew = true
        /// Virtual time of the next turn, in seconds of a worker.
        fileprivate(set) var start: Double
        fileprivate var place = Place.none
        /// Grows from each caller that became due to the next.
        fileprivate var order: UInt64 = 0
    }

    fileprivate enum Place {
        case none, ahead, promised, open
    }

    private var turns = Slots<Turn>()
    private var slots: [Caller: Int] = [:]
    /// Callers that are not due, by the virtual time when they will be.
    private var ahead = SlotHeap<Double>()
    private var links = SlotLinks()
    /// Callers that are due, by what was said to their first request.
    private var promised = SlotLinks.List()
    private var open = SlotLinks.List()
    private var virtualTime = 0.0
    private var nextOrder: UInt64 = 0

    /// Seconds of a worker that everything here is expected to take, waiting and running.
    private(set) var work = 0.0
    /// Callers that have anything waiting or running.
    private(set) var activeCallers = 0

    subscript(slot: Int) -> Turn {
        get { turns[slot] }
        _modify { yield &turns[slot] }
    }

    /// Expected work of `caller`, seconds of a worker; 0 for one that has nothing here.
    func work(of caller: Caller?) -> Double { caller.flatMap { slots[$0] }.map { turns[$0].work } ?? 0 }

    /// Whether `caller` has anything waiting or running.
    func isActive(_ caller: Caller?) -> Bool { caller.flatMap { slots[$0] }.map { isActive(turns[$0]) } ?? false }

    private func isActive(_ turn: Turn) -> Bool { !turn.requests.isEmpty || turn.runningPieces > 0 }

    /// Slot of the turn of `caller`, which may be new; ``settle(_:)`` must follow.
    mutating func slot(of caller: Caller?) -> Int {
        if let caller, let slot = slots[caller] { return slot }
        let slot = turns.insert(Turn(caller: caller, start: virtualTime))
        if let caller { slots[caller] = slot }
        return slot
    }

    /// Changes a turn, and keeps the sums right.
    mutating func change(_ slot: Int, _ body: (inout Turn) -> Void) {
        let (workBefore, wasActive) = (turns[slot].work, isActive(turns[slot]))
        body(&turns[slot])
        work = max(0, work + turns[slot].work - workBefore)
        activeCallers += (isActive(turns[slot]) ? 1 : 0) - (wasActive ? 1 : 0)
        if activeCallers == 0 { work = 0 }
    }

    /// Puts a turn where it belongs after a change.
    /// - Parameter seconds: time of a worker that its rows are about to take, or that was spent on them before.
    mutating func settle(_ slot: Int, charged seconds: Double = 0) {
        turns[slot].start += seconds
        if seconds > 0 { turns[slot].isNew = false }
        let turn = turns[slot]
        let place: Place =
            if turn.start > virtualTime { .ahead } else if turn.requests.isEmpty { .none } else {
                turn.isPromised ? .promised : .open
            }
        // A caller that has been served stands behind those that were due with it.
        if turn.place != place || seconds > 0 {
            leave(slot)
            enter(slot, place)
        }
        if place == .none, !isActive(turn) {
            if let caller = turn.caller { slots[caller] = nil }
            turns.remove(slot)
        }
    }

    private mutating func leave(_ slot: Int) {
        switch turns[slot].place {
        case .none: break
        case .ahead: ahead.remove(slot)
        case .promised: links.remove(slot, from: &promised)
        case .open: links.remove(slot, from: &open)
        }
    }

    private mutating func enter(_ slot: Int, _ place: Place) {
        turns[slot].place = place
        switch place {
        case .none: return
        case .ahead: ahead.set(slot, to: turns[slot].start)
        case .promised: links.append(slot, to: &promised)
        case .open: links.append(slot, to: &open)
        }
        nextOrder += 1
        turns[slot].order = nextOrder
    }

    /// Lets virtual time go on until somebody is due, if anybody wants anything.
    mutating func advance() {
        while promised.isEmpty, open.isEmpty, let (_, start) = ahead.first {
            virtualTime = max(virtualTime, start)
            while let (slot, start) = ahead.first, start <= virtualTime { settle(slot) }
        }
    }

    /// Caller that has been due for longest, of those without a promise; nil when there is none.
    var longestDue: Int? { open.first }

    /// Callers that are due, in the order in which they are served.
    struct Order {
        fileprivate var promised: Int?
        fileprivate var open: Int?
        fileprivate let newestFirst: Bool
    }

    /// The order of those that are due: oldest first; or, `newestFirst`, those with a promise before the others, and of the others
    /// the newest.
    func order(newestFirst: Bool) -> Order {
        Order(promised: promised.first, open: newestFirst ? open.last : open.first, newestFirst: newestFirst)
    }

    /// The next caller of an order, during which nobody is settled.
    func next(_ order: inout Order) -> Int? {
        let takesPromised =
            if let first = order.promised, let other = order.open {
                order.newestFirst || turns[first].order < turns[other].order
            } else { order.promised != nil }
        if takesPromised {
            defer { order.promised = order.promised.flatMap { links.next($0) } }
            return order.promised
        }
        defer { order.open = order.open.flatMap { order.newestFirst ? links.previous($0) : links.next($0) } }
        return order.open
    }
}
