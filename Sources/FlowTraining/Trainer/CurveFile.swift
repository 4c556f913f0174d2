public import Imaging

/// Writes the training curve as CSV, a line an epoch under one of names.
public func curveCSV(_ curve: [CurvePoint], goal: TrainingGoal) -> String {
    var text = "epoch,step,\(goal.label)_bits_per_dim,validation_bits_per_dim,learning_rate,seconds\n"
    for p in curve {
        text += "\(p.epoch),\(p.step),\(p.trainBitsPerDim),\(p.validationBitsPerDim),\(p.learningRate),\(p.seconds)\n"
    }
    return text
}

/// Plots a training curve by its file, as ``curveCSV(_:goal:)`` writes it; nil where `csv` is no such file, or has no epoch.
public func curvePlot(csv: String, title: String) -> Image? {
    let lines = csv.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map(String.init) }
    let ending = "_bits_per_dim"
    guard let names = lines.first, let epochs = names.firstIndex(of: "epoch"), lines.count > 1,
        lines.allSatisfy({ $0.count == names.count })
    else { return nil }
    let series = names.indices.filter { names[$0].hasSuffix(ending) }.map { column in
        LinePlot.Series(
            name: String(names[column].dropLast(ending.count)),
            points: lines.dropFirst().map { [Double($0[epochs]) ?? .nan, Double($0[column]) ?? .nan] })
    }
    guard !series.isEmpty, series.contains(where: { $0.points.contains { $0.x.isFinite && $0.y.isFinite } }) else {
        return nil
    }
    return LinePlot(title: title, xLabel: "epoch", yLabel: "bits/dim", series: series).image()
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
