/// What the work of requests is expected to cost.
extension RequestTable {
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

    /// Seconds of a worker that a row is expected to take, its part of full batches; nil before anything was measured.
    func secondsPerRow(_ cost: CostModel) -> Double? {
        cost.perRow.map { $0 + cost.perBatch / Double(rowLimit(cost)) }
    }

    /// Seconds until `rows` more rows of a caller would have run, when nothing else comes: what is before it, which is no more than
    /// all that is there and no more than a turn of each other caller for each of its own; what it has already; and its last batch,
    /// which one worker does while others are busy. Nil when nothing is known of their cost.
    func secondsUntilDone(_ rows: Int, parts: Int, of group: Group, on terms: RequestTerms) -> Double? {
        let cost = cost(of: group)
        guard let perRow = secondsPerRow(cost), let last = cost.seconds(rows: min(rows, rowLimit(cost))) else {
            return nil
        }
        let own = perRow * Double(rows)
        let priority = terms.priority.rank
        let queue = queues[priority]
        let mine = queue.work(of: terms.caller) + own
        let others = Double(queue.activeCallers - (queue.isActive(terms.caller) ? 1 : 0))
        let urgent = queues[..<priority].reduce(0) { $0 + $1.work }
        let beside = max(0, min(queue.work - (mine - own), others * max(mine, longestTurn)))
        let workers = Double(policy.workers)
        guard urgent + beside > 0 else {
            return mine / Double(min(max(policy.workers(parts: rows * parts, seconds: own), rows), policy.workers))
        }
        return (urgent + beside + max(0, mine - last)) / workers + last
    }

    /// Seconds of the longest batch that anybody may have, by what was measured.
    private var longestTurn: Double {
        groupSlots.values.reduce(0) { longest, slot in
            let cost = groups[slot].cost
            return max(longest, cost.seconds(rows: rowLimit(cost)) ?? 0)
        }
    }
}
