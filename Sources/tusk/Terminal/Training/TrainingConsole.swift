import FlowTraining

/// Display of a training: a bar that is drawn again and again on a terminal, plain lines elsewhere.
struct TrainingConsole {
    let options: TrainingOptions
    let goal: TrainingGoal
    let images: Int
    let interactive: Bool
    /// Epochs and seconds that were done before this run.
    let start: TrainingProgress
    private var shownAt = -Double.infinity
    private var imagesDone = 0

    /// Seconds between two plain lines, and between two pictures of the bar.
    private static let lineInterval = 10.0
    private static let barInterval = 0.1

    init(options: TrainingOptions, goal: TrainingGoal, images: Int, interactive: Bool, start: TrainingProgress) {
        self.options = options
        self.goal = goal
        self.images = images
        self.interactive = interactive
        self.start = start
    }

    mutating func show(_ event: TrainingEvent) {
        switch event {
        case .step(let report):
            imagesDone = (report.epoch - 1 - start.epoch) * images + report.images - start.epochImages
            let interval = interactive ? Self.barInterval : Self.lineInterval
            guard report.seconds - shownAt >= interval else { return }
            shownAt = report.seconds
            let text = status(report)
            Terminal.write(interactive ? "\r\u{1B}[K" + bar(report) + text : text + "\n")
        case .epoch(let point):
            let isLast = point.epoch == options.epochs || point.seconds >= options.maxSeconds ?? .infinity
            guard interactive || isLast || point.seconds - shownAt >= Self.lineInterval else { return }
            if !interactive { shownAt = point.seconds }
            Terminal.write(
                (interactive ? "\r\u{1B}[K" : "")
                    + "epoch \(point.epoch)/\(options.epochs)  \(goal.label) \(fixed(point.trainBitsPerDim, 4))  "
                    + "validation \(fixed(point.validationBitsPerDim, 4)) bits/dim  "
                    + "rate \(shortened(point.learningRate))  \(duration(point.seconds))\n")
        case .checkpoint:
            break
        case .rollback(let reason, let step, let scale):
            Terminal.write(
                (interactive ? "\r\u{1B}[K" : "")
                    + "\(reason); going back to the checkpoint of step \(step), learning rate times \(shortened(scale))\n"
            )
        }
    }

    private func bar(_ report: StepReport) -> String {
        let width = 24
        let filled = width * report.images / max(1, report.imagesPerEpoch)
        return "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled) + "] "
    }

    private func status(_ report: StepReport) -> String {
        let speed = Double(imagesDone) / max(report.seconds - start.seconds, 1e-9)
        let todo = options.epochs * images - (report.epoch - 1) * images - report.images
        var left = Double(todo) / speed
        if let maxSeconds = options.maxSeconds { left = min(left, maxSeconds - report.seconds) }
        return "epoch \(report.epoch)/\(options.epochs)  \(report.images)/\(report.imagesPerEpoch) images  "
            + "\(fixed(speed, 0)) images/s  \(goal.label) \(fixed(report.trainBitsPerDim, 4)) bits/dim  "
            + "\(duration(left)) left"
    }

    private func shortened(_ rate: Double) -> String {
        rate >= 1e-3 ? fixed(rate, 5) : "\(fixed(rate * 1e6, 1))e-6"
    }
}
