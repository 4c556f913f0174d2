import DataSets
import FlowCore
public import FlowModels
import System

extension Trainer {
    /// Makes a model of the best flow, with its record: how it was trained, what it reaches on the validation images, the quantiles of
    /// their log-densities, what verdicts need, and a check vector; all of them for the weights as rounded to `precision`.
    ///
    /// Where the training time is up before all validation images are scored, those count that were; at least a slice a thread.
    ///
    /// The check vector is the first validation image; a distilled flow may be steep there, and has an image that it draws itself.
    ///
    /// - Parameters:
    ///   - name: `[A-Za-z0-9._-]{1,64}`.
    ///   - classes: names of the classes that were trained on.
    ///   - isInterrupted: looked at before each slice of the validation images.
    /// - Throws: ``TrainingError/mismatch(property:expected:actual:)`` before the first validation;
    ///   ``TrainingError/diverged(quantity:epoch:step:)`` when a validation image has no finite density in this precision;
    ///   ``TrainingError/interrupted``.
    public func model(
        name: String, classes: [String], trainSplit: String, validationSplit: String, precision: TensorPrecision,
        isInterrupted: () -> Bool = { false }
    ) throws -> DensityModel {
        guard var best, let bestPoint = progress.best else {
            throw TrainingError.mismatch(property: "number of validations", expected: "1 or more", actual: "0")
        }
        best.visitParameters { _, values in
            for i in values.indices { values[i] = precision.rounded(values[i]) }
        }
        let model = try unscoredModel(
            of: best, name: name, classes: classes, trainSplit: trainSplit, bestEpoch: bestPoint.epoch)
        let held = validation.data
        let labels = sizes.classes > 0 ? held.labels : nil
        var logProbs: [Double] = []
        var evidence: [DecisionRecord.HeldOut] = []
        let slices = held.count.blocks(of: evaluationRows)
        for together in slices.count.blocks(of: threads) {
            if isInterrupted() { throw TrainingError.interrupted }
            if !logProbs.isEmpty, let maxSeconds = options.maxSeconds, secondsNow >= maxSeconds { break }
            let scores = try scores(of: together.map { slices[$0] }, under: model)
            for score in scores where score.draw.evidence != nil {
                evidence.append(DecisionRecord.HeldOut(score.draw, label: labels?[score.image]))
            }
            logProbs += heldOutLogProbs(scores.map(\.logProb))
        }
        var record = model.record
        guard logProbs.allSatisfy(\.isFinite) else {
            throw TrainingError.diverged(
                quantity: "validation loss in the precision of the file is not finite", epoch: progress.epoch,
                step: progress.step)
        }
        let evaluation = Evaluation(model: record, split: validationSplit, draws: 1, logProbs: logProbs)
        record.heldOut = HeldOutRecord(
            split: validationSplit, count: logProbs.count, bitsPerDim: evaluation.bitsPerDim,
            bitsPerDimStandardError: evaluation.bitsPerDimStandardError)
        record.calibration = Calibration(split: validationSplit, logProbs: logProbs)
        record.decision = DecisionRecord(
            split: validationSplit, evidence: evidence, classes: labels == nil ? 0 : sizes.classes)
        if goal == .divergence {
            record.check.pixels = try model.sample([SampleRow(seed: 0, index: 0)], isCancelled: { false })[0].pixels
        }
        record.check.logProb = try model.densities(
            of: [DensityRow(pixels: record.check.pixels)], isCancelled: { false })[0].logProb
        return try DensityModel(flow: best.flow, dequantizer: best.dequantizer, record: record)
    }

    /// Makes a model of a flow that is not yet evaluated, with a record of how it was trained.
    func unscoredModel(
        of fitted: Fitted<Flow>, name: String, classes: [String], trainSplit: String, bestEpoch: Int
    ) throws -> DensityModel {
        let record = ModelRecord(
            name: name, architecture: Flow.architectureName, sizes: sizes,
            eventShape: validation.data.shape, levels: preprocessing.levels,
            dequantization: ModelRecord.dequantization(identity.dequantizer), dequantizer: identity.dequantizer,
            logitAlpha: preprocessing.logitAlpha, classes: classes, classPrior: classPrior,
            parameterCount: fitted.parameterCount,
            training: TrainingRecord(
                dataHash: identity.trainHash, split: trainSplit, images: train.data.count,
                skippedImages: train.data.skipped == 0 ? nil : train.data.skipped,
                horizontalFlips: options.horizontalFlips, seed: options.seed, epochs: progress.epoch,
                bestEpoch: bestEpoch, batch: options.batch, wallSeconds: progress.wallSeconds,
                start: identity.start,
                curve: progress.curve.map {
                    TrainingCurvePoint(
                        seconds: $0.seconds, epochs: Double($0.epoch), trainBitsPerDim: $0.trainBitsPerDim,
                        validationBitsPerDim: $0.validationBitsPerDim)
                }.thinned),
            // A distilled flow is not calibrated.
            background: goal == .likelihood ? try BackgroundModel(of: train.data) : nil,
            check: CheckVector(pixels: try validation.data[0], logProb: 0))
        return try DensityModel(flow: fitted.flow, dequantizer: fitted.dequantizer, record: record)
    }

    /// Number of validation images of a task of the evaluation: for each of the classes, which take as long as so many images.
    var evaluationRows: Int { max(1, validationRows / max(1, sizes.classes)) }

    /// Scores slices of the validation images, a task each, with the evidence that verdicts need.
    /// - Throws: what the passes throw.
    func scores(
        of slices: [Range<Int>], under model: DensityModel
    ) throws -> [(image: Int, logProb: Double, draw: RowDensity)] {
        // A distilled flow never saw images like these, and has no opinion of them.
        let detail = goal == .likelihood ? ScoreDetail.evidence : .none
        let wantsClasses = sizes.classes > 0 && validation.data.labels != nil
        return try mapInParallel(slices.count, threads: threads) { s in
            let own = try mapScores(
                of: validation.data.subset(Array(slices[s])), under: model, detail: detail, wantsClasses: wantsClasses,
                threads: 1
            ) { ($0.logProb, $0.draws[0]) }
            return zip(slices[s], own).map { (image: $0, logProb: $1.0, draw: $1.1) }
        }.flatMap { $0 }
    }

    /// Fraction of each class in the training images; nil unless the flow is conditioned on them.
    private var classPrior: [Double]? {
        guard sizes.classes > 0, let labels = train.data.labels else { return nil }
        var counts = [Double](repeating: 0, count: sizes.classes)
        for label in labels { counts[label] += 1 }
        return counts.map { $0 / Double(labels.count) }
    }
}
