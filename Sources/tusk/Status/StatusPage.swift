/// Status of a service for people: a function from figures to lines.
struct StatusPage {
    var figures: StatusFigures
    /// Address that was asked.
    var address: String
    /// Why there is nothing newer than the figures; nil where they are new.
    var notice: String?

    /// Columns of what stands before the figures of a line.
    private static let labelWidth = 13
    /// Lines of a page below which there is no room for what was before the last interval.
    private static let leastHeight = 20

    /// The page in lines of at most `width` columns, and in at most `height` of them; nil for as many as there are. Where models or faults
    /// do not fit, a line says how many.
    func lines(width: Int, height: Int? = nil) -> [String] {
        let isShort = height.map { $0 < Self.leastHeight } ?? false
        let head = head(width, isShort: isShort)
        let lanes = lanes(isShort: isShort).lines(width: width)
        var models = models(width)
        var faults = faults(width)
        if let height {
            // an empty line before each part
            let room = height - head.count - lanes.count - 3
            let least = min(faults.count, max(2, room / 3))
            models = models.cut(to: max(2, room - least))
            faults = faults.cut(to: max(2, room - models.count))
        }
        let parts = [head, lanes, models.lines, faults.lines].filter { !$0.isEmpty }
        let page = Array(parts.joined(separator: [""])).map { StatusText.cut($0, to: width) }
        return Array(page.prefix(height ?? page.count))
    }

    // MARK: - Head

    private func head(_ width: Int, isShort: Bool) -> [String] {
        let health = figures.health
        var first = [
            "tusk \(health.version.map(StatusText.ascii) ?? "")", health.status.map(StatusText.ascii) ?? "unknown",
        ]
        if health.live == false { first.append("not live") }
        if let uptime = health.uptimeSeconds { first.append("up \(StatusText.time(uptime))") }
        first.append(StatusText.ascii(address))
        var lines = [first.joined(separator: "  ")]
        if let notice { lines.append(StatusText.ascii(notice)) }
        let interval = figures.interval
        func rates(_ counts: StatusFigures.Count, _ unit: String) -> String? {
            StatusText.rate(counts, interval).map { "\($0) \(unit)/s" }
        }
        var last = [rates(figures.requests, "requests"), rates(figures.rows, "rows")]
        last.append(StatusText.rate(figures.received, interval, StatusText.bytes).map { "in \($0)/s" })
        last.append(StatusText.rate(figures.sent, interval, StatusText.bytes).map { "out \($0)/s" })
        last.append(figures.processorSeconds.last.map { "CPU \(StatusText.share($0, of: interval))" })
        if let lost = figures.droppedLines.last, lost > 0 { last.append("\(StatusText.number(lost)) log lines lost") }
        lines += flow(interval.map { "last \(fixed($0, 1)) s" } ?? "last", last, width)
        let connections = figures.connections.map { open in
            "connections \(StatusText.number(open))"
                + (figures.mostConnections.map { "/\(StatusText.number($0))" } ?? "")
        }
        lines += flow(
            "now",
            [
                figures.queuedRequests.map { "queued \(StatusText.number($0))" },
                figures.runningRequests.map { "running \(StatusText.number($0))" },
                figures.decodingRequests.map { "decoding \(StatusText.number($0))" }, connections,
                figures.memory.map { "memory \(StatusText.bytes($0))" }, certificate,
            ], width)
        if isShort { return lines }
        func total(_ count: StatusFigures.Count, _ text: (Double) -> String) -> String? { count.total.map(text) }
        lines += flow(
            "since start",
            [
                total(figures.requests) { "\(StatusText.number($0)) requests" },
                total(figures.rows) { "\(StatusText.number($0)) rows" },
                total(figures.received) { "in \(StatusText.bytes($0))" },
                total(figures.sent) { "out \(StatusText.bytes($0))" },
                total(figures.droppedLines) { "\(StatusText.number($0)) log lines lost" },
            ], width)
        return lines
    }

    private var certificate: String? {
        figures.certificateLeft.map {
            $0 < 0 ? "certificate EXPIRED" : "certificate \(StatusText.time($0)) left"
        }
    }

    /// `items` behind `label`, in as many lines as they need; none without items.
    private func flow(_ label: String, _ items: [String?], _ width: Int) -> [String] {
        var lines: [String] = []
        for item in items.compactMap(\.self) {
            if let line = lines.last, line.count + 3 + item.count <= width {
                lines[lines.count - 1] = line + "   " + item
            } else {
                let label = lines.isEmpty ? label : ""
                lines.append(label + String(repeating: " ", count: max(1, Self.labelWidth - label.count)) + item)
            }
        }
        return lines
    }

    // MARK: - Lanes

    private func lanes(isShort: Bool) -> TextTable {
        func row(_ lane: StatusFigures.Lane, _ span: String, _ isLast: Bool) -> [String] {
            let pick = { (spread: StatusFigures.Spread) in isLast ? spread.last : spread.total }
            let (wait, compute) = (pick(lane.wait), pick(lane.compute))
            return [
                isLast ? StatusText.ascii(lane.name) : "", span, isLast ? StatusText.number(lane.queuedRows) : "",
                isLast ? StatusText.number(lane.runningRows) : "",
                StatusText.number(isLast ? lane.refused.last : lane.refused.total),
                StatusText.quantile(0.5, of: wait), StatusText.quantile(0.99, of: wait),
                StatusText.quantile(0.5, of: compute), StatusText.quantile(0.99, of: compute),
                StatusText.mean(of: pick(lane.batchRows)),
            ]
        }
        let last = figures.interval.map { fixed($0, 1) + " s" } ?? "last"
        return TextTable(
            titles: ["LANE", "", "QUEUED", "RUN", "REFUSED", "WAIT p50", "p99", "COMPUTE p50", "p99", "BATCH"],
            rows: figures.lanes.flatMap {
                isShort ? [row($0, last, true)] : [row($0, last, true), row($0, "start", false)]
            },
            leading: 2)
    }

    // MARK: - Models and faults

    /// A title, and what stands below it; each of that is one line or several.
    private struct Part {
        var title: String
        var blocks: [[String]]
        /// Line in the place of the blocks from this one on.
        var rest: (Int) -> String

        var count: Int { blocks.isEmpty ? 0 : 1 + blocks.reduce(0) { $0 + $1.count } }
        private(set) var shown: Int?

        /// The part in at most `height` lines, of which the title is one.
        func cut(to height: Int) -> Part {
            var part = self
            guard count > height else { return part }
            var (lines, shown) = (2, 0)  // with the line for the rest
            while shown < blocks.count, lines + blocks[shown].count <= height {
                lines += blocks[shown].count
                shown += 1
            }
            part.shown = shown
            part.blocks = Array(blocks.prefix(shown)) + [[rest(shown)]]
            return part
        }

        var lines: [String] { blocks.isEmpty ? [] : [title] + blocks.flatMap(\.self) }
    }

    private func models(_ width: Int) -> Part {
        let models = [
            figures.models.filter(\.isDefault), figures.models.filter { !$0.isDefault && $0.isInTrouble },
            figures.models.filter { !$0.isDefault && !$0.isInTrouble },
        ].flatMap(\.self)
        let rows = models.map { model in
            [
                StatusText.ascii(model.name) + (model.isDefault ? " *" : ""),
                model.phase.map(StatusText.ascii) ?? StatusText.absent,
                StatusText.rate(model.rows, figures.interval) ?? StatusText.absent,
                StatusText.rate(model.refused, figures.interval) ?? StatusText.absent,
                model.drifted.map { $0 ? "YES" : "no" } ?? StatusText.absent,
                StatusText.share(model.outliers.total, of: model.scored.total), StatusText.bytes(model.memory),
                StatusText.number(model.leaving),
            ]
        }
        let table = TextTable(
            titles: ["MODEL", "PHASE", "ROWS/S", "REFUSED/S", "DRIFT", "OUTLIERS", "MEMORY", "LEAVING"], rows: rows,
            leading: 2
        ).lines(width: width)
        let blocks = zip(models, table.dropFirst()).map { model, line in
            var block = [line]
            if let incoming = model.incoming { block.append("  next generation: \(StatusText.ascii(incoming))") }
            if let failure = model.failure {
                let words = ["not loaded", failure.time, failure.reason.map { ": " + $0 }].compactMap(\.self)
                block.append(StatusText.ascii("  " + words.joined(separator: " ").replacing(" : ", with: ": ")))
            }
            return block
        }
        var part = Part(title: table[0], blocks: blocks) { shown in
            let phases = Dictionary(grouping: models.dropFirst(shown)) { $0.phase ?? "unknown" }
            let list = phases.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
                .map { "\($0.value.count) \(StatusText.ascii($0.key))" }
            return "and \(counted(models.count - shown, "more model")): \(list.joined(separator: ", "))"
        }
        if let withheld = figures.withheld { part.blocks.append(["  " + StatusText.ascii(withheld)]) }
        return part
    }

    private func faults(_ width: Int) -> Part {
        let rows = figures.faults.map { fault in
            [
                StatusText.ascii([fault.what, fault.reason].compactMap(\.self).joined(separator: ": ")),
                StatusText.number(fault.count.last), StatusText.number(fault.count.total),
            ]
        }
        let last = figures.interval.map { "LAST \(fixed($0, 1)) s" } ?? "LAST"
        let table = TextTable(titles: ["REFUSED, FAILED, GIVEN UP", last, "SINCE START"], rows: rows).lines(
            width: width)
        return Part(title: table[0], blocks: table.dropFirst().map { [$0] }) { shown in
            "and \(counted(rows.count - shown, "more kind"))"
        }
    }
}
