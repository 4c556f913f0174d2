public import Imaging

/// Writes the training curve as CSV, a line an epoch under one of names.
public func curveCSV(_ curve: [CurvePoint], goal: TrainingGoal) -> String {
    var text = "epoch,step,\(goal.label)_bits_per_dim,validation_bits_per_dim,learning_rate,seconds\n"
    for p in curve {
        text += "\(p.epoch),\(p.step),\(p.trainBitsPerDim),\(p.validationBitsPerDim),\(p.learningRate),\(p.seconds)\n"
    }
    return text
}

/// Plots the training curve: what the training lowers, and the validation images, in bits/dim over the epochs.
public func curvePlot(_ curve: [CurvePoint], title: String, goal: TrainingGoal) -> Image {
    LinePlot(
        title: title, xLabel: "epoch", yLabel: "bits/dim",
        series: [
            LinePlot.Series(name: goal.label, points: curve.map { [Double($0.epoch), $0.trainBitsPerDim] }),
            LinePlot.Series(name: "validation", points: curve.map { [Double($0.epoch), $0.validationBitsPerDim] }),
        ]
    ).image()
}
