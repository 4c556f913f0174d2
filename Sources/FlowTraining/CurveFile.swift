public import Imaging

/// The training curve as CSV, a line an epoch under one of names.
public func curveCSV(_ curve: [CurvePoint]) -> String {
    var text = "epoch,step,train_bits_per_dim,validation_bits_per_dim,learning_rate,seconds\n"
    for p in curve {
        text += "\(p.epoch),\(p.step),\(p.trainBitsPerDim),\(p.validationBitsPerDim),\(p.learningRate),\(p.seconds)\n"
    }
    return text
}

/// The training curve as a picture: bits/dim of the training and validation images over the epochs.
public func curvePlot(_ curve: [CurvePoint], title: String) -> Image {
    LinePlot(
        title: title, xLabel: "epoch", yLabel: "bits/dim",
        series: [
            LinePlot.Series(name: "train", points: curve.map { [Double($0.epoch), $0.trainBitsPerDim] }),
            LinePlot.Series(name: "validation", points: curve.map { [Double($0.epoch), $0.validationBitsPerDim] }),
        ]
    ).image()
}
