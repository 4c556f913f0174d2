/// The training curve as CSV, a line an epoch under one of names.
public func curveCSV(_ curve: [CurvePoint]) -> String {
    var text = "epoch,step,train_bits_per_dim,validation_bits_per_dim,learning_rate,seconds\n"
    for p in curve {
        text += "\(p.epoch),\(p.step),\(p.trainBitsPerDim),\(p.validationBitsPerDim),\(p.learningRate),\(p.seconds)\n"
    }
    return text
}
