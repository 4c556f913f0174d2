/// Whose turn it is.
extension RequestTable {
    /// Whose turn it is: of the most urgent class that has anything to run, the caller that has been due for longest, or, when that
    /// has waited beyond the policy's patience, the newest; nil while nobody may begin.
    ///
    /// - Parameters:
    ///   - isDraining: whether batches do not wait to become full.
    ///   - onlyNew: whether the workers that are free have enough to help with, so that only callers begin who had nothing.
    mutating func lead(at now: Instant, isDraining: Bool, onlyNew: Bool) -> Lead? {
        let mayWait = policy.maxBatchDelay > .zero && !isDraining
        for priority in queues.indices {
            queues[priority].advance()
            let newestFirst = isOverloaded(priority, at: now)
            var order = queues[priority].order(newestFirst: newestFirst)
            var looked = 0
            while looked < Self.mostLooked, let turn = queues[priority].next(&order) {
                looked += 1
                guard queues[priority][turn].runningTurns < policy.callerBatches,
                    !onlyNew || queues[priority][turn].isNew
                else { continue }
                let lead = Lead(
                    priority: priority, turn: turn, request: first(priority, turn, newestFirst),
                    newestFirst: newestFirst)
                if !mayWait || isRipe(requests[lead.request].group, at: now) { return lead }
            }
        }
        return mayWait && !onlyNew ? ripeLead(at: now) : nil
    }

    /// Whether the caller whose turn it is has had nothing yet.
    func isNew(_ lead: Lead) -> Bool { queues[lead.priority][lead.turn].isNew }

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
    func first(_ priority: Int, _ turn: Int, _ newestFirst: Bool) -> Int {
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
}
