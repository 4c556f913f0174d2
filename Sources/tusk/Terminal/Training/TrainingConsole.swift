import FlowTraining

/// Display of a training: a bar that is drawn again and again on a terminal, plain lines elsewhere.
struct TrainingConsole {
    let options: TrainingOptions
    let goal: TrainingGoal
    let images: Int
    let interactive: Bool
    /// Epochs and seconds that were done before this run.
    let start: TrainingProgress
    /// Estimated seconds of the evaluation at the end.
    let evaluation: Double
    private var shownAt = -Double.infinity
    private var imagesDone = 0
    /// Last epoch, while it has no line.
    private var unshown: CurvePoint?
    /// Whether the bar is on the line under way.
    private var hasBar = false

    /// Seconds between two plain lines, and between two pictures of the bar.
    private static let lineInterval = 10.0
    private static let barInterval = 0.1

    init(
        options: TrainingOptions, goal: TrainingGoal, images: Int, interactive: Bool, start: TrainingProgress,
        evaluation: Double
    ) {
        self.options = options
        self.goal = goal
        self.images = images
        self.interactive = interactive
        self.start = start
        self.evaluation = evaluation
    }

    mutating func show(_ event: TrainingEvent) {
        switch event {
        case .step(let report):
            imagesDone = (report.epoch - 1 - start.epoch) * images + report.images - start.epochImages
            let interval = interactive ? Self.barInterval : Self.lineInterval
            guard report.seconds - shownAt >= interval else { return }
            shownAt = report.seconds
            let text = status(report)
            Terminal.write(interactive ? Self.cleared + bar(report) + text : text + "\n")
            hasBar = interactive
        case .epoch(let point):
            unshown = point
            guard interactive || point.seconds - shownAt >= Self.lineInterval else { return }
            if !interactive { shownAt = point.seconds }
            showEpoch()
        case .checkpoint:
            break
        case .checkpointFailed(let reason):
            clear()
            Terminal.warn("\(reason)")
        case .validationCut(let images, let all):
            line("the time is up: validated with \(grouped(images)) of \(grouped(all)) images")
        case .rollback(let reason, let step, let scale):
            line("\(reason); going back to the checkpoint of step \(step), learning rate times \(shortened(scale))")
        }
    }

    /// Shows what is not yet shown of the last epoch, and ends the bar.
    mutating func finish() {
        showEpoch()
        if hasBar { Terminal.line("") }
        hasBar = false
    }

    private mutating func showEpoch() {
        guard let point = unshown else { return }
        unshown = nil
        line(
            "epoch \(point.epoch)/\(options.epochs)  \(goal.label) \(fixed(point.trainBitsPerDim, 4))  "
                + "validation \(fixed(point.validationBitsPerDim, 4)) bits/dim  "
                + "rate \(shortened(point.learningRate))  \(duration(point.seconds))")
    }

    private mutating func line(_ text: String) {
        clear()
        Terminal.line(text)
    }

    /// Takes the bar away.
    private mutating func clear() {
        if hasBar { Terminal.write(Self.cleared) }
        hasBar = false
    }

    /// Return to the beginning of an emptied line.
    private static let cleared = "\r\u{1B}[K"

    private func bar(_ report: StepReport) -> String {
        let width = 24
        let filled = width * report.images / max(1, report.imagesPerEpoch)
        return "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled) + "] "
    }

    private func status(_ report: StepReport) -> String {
        let speed = Double(imagesDone) / max(report.seconds - start.seconds, 1e-9)
        let todo = options.epochs * images - (report.epoch - 1) * images - report.images
        var left = Double(todo) / speed + evaluation
        if let maxSeconds = options.maxSeconds { left = min(left, maxSeconds - report.seconds) }
        return "epoch \(report.epoch)/\(options.epochs)  \(report.images)/\(report.imagesPerEpoch) images  "
            + "\(fixed(speed, 0)) images/s  \(goal.label) \(fixed(report.trainBitsPerDim, 4)) bits/dim  "
            + "\(duration(left)) left"
    }

    private func shortened(_ rate: Double) -> String {
        rate >= 1e-3 ? fixed(rate, 5) : "\(fixed(rate * 1e6, 1))e-6"
    }
}
