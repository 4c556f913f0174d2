import Compression
import FlowCore
import FlowModels
import FoundationEssentials
import System

/// What must be the same for a checkpoint to be continued.
struct CheckpointIdentity: Codable, Equatable {
    var architecture: String
    var hyperParameters: HyperParameters
    var eventShape: EventShape
    var levels: Int
    /// Nil with uniform dequantization.
    var dequantizer: DequantizerSizes?
    var logitAlpha: Double
    var trainHash: String
    var validationHash: String
    var options: TrainingOptions
    /// Hash of the model that is distilled; nil of a training by maximum likelihood.
    var teacher: String?
    /// Of a fine-tuning the model that it started from.
    var start: StartingRecord?

    /// The first property in which `self`, of the checkpoint, and `now` differ. How long to train may change.
    func mismatch(with now: CheckpointIdentity) -> TrainingError? {
        func words(_ pairs: [some CustomStringConvertible]) -> String {
            pairs.isEmpty ? "none" : pairs.map(\.description).joined(separator: ",")
        }
        let before = self.options
        let after = now.options
        let properties: [(String, String, String)] = [
            ("architecture", architecture, now.architecture),
            ("layers", "\(hyperParameters.layers)", "\(now.hyperParameters.layers)"),
            ("hidden", "\(hyperParameters.hidden)", "\(now.hyperParameters.hidden)"),
            ("activation", "\(hyperParameters.activation)", "\(now.hyperParameters.activation)"),
            ("residual", "\(hyperParameters.isResidual)", "\(now.hyperParameters.isResidual)"),
            ("conditional", "\(hyperParameters.classes)", "\(now.hyperParameters.classes)"),
            ("bins", "\(hyperParameters.bins)", "\(now.hyperParameters.bins)"),
            ("tail-bound", "\(hyperParameters.tailBound)", "\(now.hyperParameters.tailBound)"),
            ("kernel", "\(hyperParameters.kernel)", "\(now.hyperParameters.kernel)"),
            ("gated", "\(hyperParameters.isGated)", "\(now.hyperParameters.isGated)"),
            ("scales", "\(hyperParameters.scales)", "\(now.hyperParameters.scales)"),
            ("log-scale-bound", "\(hyperParameters.logScaleBound)", "\(now.hyperParameters.logScaleBound)"),
            ("image shape", "\(eventShape)", "\(now.eventShape)"),
            ("levels", "\(levels)", "\(now.levels)"),
            (
                "dequantization", ModelRecord.dequantization(dequantizer),
                ModelRecord.dequantization(now.dequantizer)
            ),
            ("dequantizer-layers", "\(dequantizer?.layers ?? 0)", "\(now.dequantizer?.layers ?? 0)"),
            ("dequantizer-hidden", "\(dequantizer?.hidden ?? [])", "\(now.dequantizer?.hidden ?? [])"),
            ("alpha", "\(logitAlpha)", "\(now.logitAlpha)"),
            ("hash of the training images", trainHash, now.trainHash),
            ("hash of the validation images", validationHash, now.validationHash),
            ("hash of the teacher", teacher ?? "none", now.teacher ?? "none"),
            (
                "hash of the model that it started from", start?.parameterHash ?? "none",
                now.start?.parameterHash ?? "none"
            ),
            ("batch", "\(before.batch)", "\(after.batch)"),
            ("accumulate", "\(before.accumulatedBatch)", "\(after.accumulatedBatch)"),
            ("reversible", "\(before.reversible)", "\(after.reversible)"),
            ("seed", "\(before.seed)", "\(after.seed)"),
            ("learning-rate", "\(before.learningRate)", "\(after.learningRate)"),
            ("learning-rate-of", words(before.learningRateFactors), words(after.learningRateFactors)),
            ("warmup-steps", "\(before.warmupSteps)", "\(after.warmupSteps)"),
            ("clip", "\(before.clipNorm)", "\(after.clipNorm)"),
            ("weight-decay", "\(before.weightDecay)", "\(after.weightDecay)"),
            ("dropout", "\(before.dropout)", "\(after.dropout)"),
            ("ema", "\(before.averageDecay)", "\(after.averageDecay)"),
            ("flips", "\(before.horizontalFlips)", "\(after.horizontalFlips)"),
            ("shift", "\(before.shift)", "\(after.shift)"),
            ("repeat", words(before.repeats), words(after.repeats)),
        ]
        return properties.first { $0.1 != $0.2 }.map {
            .checkpointMismatch(property: $0.0, checkpoint: $0.1, now: $0.2)
        }
    }
}

/// The JSON document in a checkpoint's metadata.
private struct CheckpointState: Codable {
    var identity: CheckpointIdentity
    var progress: TrainingProgress
}

/// The kinds of arrays in a checkpoint, each as large as the flow.
private enum CheckpointGroup: String, CaseIterable {
    case weights
    case average
    case first = "adam.first"
    case second = "adam.second"
    /// Only when there was a validation.
    case best
}

private enum MetadataKey {
    static let state = "tusk-checkpoint-1"
    static let checksum = "crc32"
}

/// CRC-32 over the state and all arrays, in the order of the groups.
private func checksum(state: String, arrays: some Sequence<[Float]>) -> String {
    var checksum = unsafe crc32(Array(state.utf8).span.bytes)
    for array in arrays { checksum = unsafe crc32(array.span.bytes, continuing: checksum) }
    return "\(checksum)"
}

/// A checkpoint is a safetensors file: weights, averages and optimiser as tensors, without what masks hold at zero, the rest as
/// JSON in the metadata.
extension Trainer {
    /// Writes the whole state of the training, replacing the file in one step.
    /// - Throws: ``TrainingError/file(path:operation:reason:)``.
    public func writeCheckpoint(to path: String) throws {
        var arrays = [
            fitted.parameters(), optimizer.memory.map(\.average), optimizer.memory.map(\.first),
            optimizer.memory.map(\.second),
        ]
        if let bestWeights { arrays.append(bestWeights) }
        let state = try String(
            decoding: JSONEncoder().encode(CheckpointState(identity: identity, progress: progress)), as: UTF8.self)
        let infos = optimizer.memory.map(\.info)
        // one array at a time: all of them are as much as the training itself holds
        func live(_ number: Int) -> [Float] {
            let (group, array) = number.quotientAndRemainder(dividingBy: infos.count)
            return infos[array].live(of: arrays[group][array])
        }
        let tensors = CheckpointGroup.allCases.prefix(arrays.count).flatMap { group in
            infos.map { (name: "\(group.rawValue).\($0.name)", shape: $0.liveShape) }
        }
        let metadata = [
            MetadataKey.state: state,
            MetadataKey.checksum: checksum(state: state, arrays: tensors.indices.lazy.map(live)),
        ]
        try namingFile(path) {
            try ReplacingFile.write(to: path) { write in
                try Safetensors.write(tensors, metadata: metadata, precision: .float32, values: live, to: write)
            }
        }
    }

    /// Continues where the checkpoint stopped. Only the options that say how long to train may have changed.
    /// - Throws: ``TrainingError/damagedCheckpoint(path:reason:)``,
    ///   ``TrainingError/checkpointMismatch(property:checkpoint:now:)``,
    ///   ``TrainingError/file(path:operation:reason:)``; nothing has changed then.
    public func resume(from path: String) throws {
        func damaged(_ reason: String) -> TrainingError { .damagedCheckpoint(path: path, reason: reason) }
        let tensors: [String: Safetensors.Tensor]
        let metadata: [String: String]
        do {
            (tensors, metadata) = try WholeFile(path).withMappedBytes { try Safetensors.decode($0) }
        } catch let failure as WholeFile.Failure {
            throw TrainingError.file(path: path, operation: "read", reason: "\(failure)")
        } catch let error as SafetensorsError {
            throw damaged("\(error)")
        }
        guard let json = metadata[MetadataKey.state],
            let state = try? JSONDecoder().decode(CheckpointState.self, from: Data(json.utf8))
        else {
            throw damaged("its metadata is not a checkpoint's")
        }
        if let mismatch = state.identity.mismatch(with: identity) { throw mismatch }

        let infos = optimizer.memory.map(\.info)
        let groups = CheckpointGroup.allCases.filter { $0 != .best || state.progress.best != nil }
        let stored = try groups.map { group in
            try infos.map { info in
                let name = "\(group.rawValue).\(info.name)"
                // older programs wrote masked matrices as a whole
                guard let tensor = tensors[name], [info.liveShape, info.shape].contains(tensor.shape) else {
                    throw damaged("tensor \(name) is missing or of another shape than \(info.liveShape)")
                }
                return tensor
            }
        }
        guard metadata[MetadataKey.checksum] == checksum(state: json, arrays: stored.joined().lazy.map(\.values)) else {
            throw damaged("the checksum does not match")
        }
        let arrays = stored.map { tensors in
            zip(infos, tensors).map { info, tensor in
                tensor.shape == info.shape ? tensor.values : info.whole(of: tensor.values)
            }
        }
        progress = state.progress
        fitted.setParameters(arrays[0])
        optimizer = Adam(
            steps: progress.step,
            memory: infos.indices.map {
                Adam.Memory(info: infos[$0], first: arrays[2][$0], second: arrays[3][$0], average: arrays[1][$0])
            })
        bestWeights = arrays.count > 4 ? arrays[4] : nil
    }
}
