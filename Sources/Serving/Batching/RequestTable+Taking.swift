/// Rows on their way into a batch.
extension RequestTable {
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
        closed[closing(taken, most, group), default: 0] += 1
        charge(taken, cost, lead.priority)
        return taken.pieces
    }

    /// What closed a batch of `group` that could have had `most` rows.
    private func closing(_ taken: Taken, _ most: Int, _ group: Int) -> BatchClosing {
        if taken.rows >= policy.maxBatchRows { return .rows }
        if groups[group].rows == 0 { return .empty }
        return taken.rows >= most ? .time : .others
    }

    /// Rows of a batch so far.
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
                slot: slot, ticket: request.ticket, rows: rows, parts: rows.count * request.parts, turn: request.turn,
                priority: request.priority,
                seconds: Double(count) * request.secondsPerRow))
        taken.rows += count
        taken.deadline = deadline
        queues[request.priority].change(request.turn) { $0.runningPieces += 1 }
        if rows == request.waiting { stopWaiting(slot) } else { self.count(-count, in: request.group) }
        keepWaiting(slot, from: rows.upperBound)
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
}
