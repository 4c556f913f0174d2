public import FlowModels

extension EvaluationRecord {
    /// What a model's record keeps of an evaluation.
    public init(_ evaluation: Evaluation) {
        let found = evaluation.outliers
        self.init(
            split: evaluation.split, count: evaluation.count, bitsPerDim: evaluation.bitsPerDim,
            bitsPerDimStandardError: evaluation.bitsPerDimStandardError, flagged: found?.falseAlarms ?? [],
            outliers: (found?.rows ?? []).prefix(Self.mostRows).map {
                Outliers(name: $0.name, count: $0.count, areaUnderROC: $0.decision.areaUnderROC, caught: $0.caught)
            })
    }
}
