import Compression
public import FlowCore
import FlowModels
import FoundationEssentials
import System

/// JSON document in a checkpoint's metadata.
private struct CheckpointState<Identity: Codable>: Codable {
    var identity: Identity
    var progress: TrainingProgress
}

/// Group of arrays in a checkpoint, one for each parameter array.
private enum CheckpointGroup: String, CaseIterable {
    /// Weights under training.
    case weights
    /// Moving average of the weights.
    case average
    /// First moments.
    case first = "adam.first"
    /// Second moments.
    case second = "adam.second"
    /// Averaged weights of the best epoch, which there are once there was a validation.
    case best
}

/// Key of a checkpoint's metadata.
private enum MetadataKey {
    static let state = "tusk-checkpoint-1"
    static let checksum = "crc32"
}

/// Returns the CRC-32 of the state and all arrays, in the order of the groups, as a decimal number.
private func checksum(state: String, arrays: some Sequence<[Float]>) -> String {
    var checksum = unsafe crc32(Array(state.utf8).span.bytes)
    for array in arrays { checksum = unsafe crc32(array.span.bytes, continuing: checksum) }
    return "\(checksum)"
}

/// Reads a checkpoint.
/// - Throws: ``TrainingError/damagedCheckpoint(path:reason:)``, ``TrainingError/file(path:operation:reason:)``.
private func contents<Identity: Codable>(of path: String, _: Identity.Type) throws -> (
    tensors: [String: Safetensors.Tensor], metadata: [String: String], json: String, state: CheckpointState<Identity>
) {
    let tensors: [String: Safetensors.Tensor]
    let metadata: [String: String]
    do {
        (tensors, metadata) = try WholeFile(path).withMappedBytes { try Safetensors.decode($0) }
    } catch let failure as WholeFile.Failure {
        throw TrainingError.file(path: path, operation: "read", reason: "\(failure)")
    } catch let error as SafetensorsError {
        throw TrainingError.damagedCheckpoint(path: path, reason: "\(error)")
    }
    guard let json = metadata[MetadataKey.state],
        let state = try? JSONDecoder().decode(CheckpointState<Identity>.self, from: Data(json.utf8))
    else {
        throw TrainingError.damagedCheckpoint(path: path, reason: "its metadata is not a checkpoint's")
    }
    return (tensors, metadata, json, state)
}

/// What a training was begun with, as its checkpoint says.
public struct TrainingSettings: Sendable, Equatable {
    /// Name of the architecture.
    public var architecture: String
    /// A value for each of the architecture's fields.
    public var sizes: Sizes
    /// Margin of the logit map.
    public var logitAlpha: Double
    /// Settings of the fit.
    public var options: TrainingOptions

    /// Reads the settings of a training from its checkpoint.
    /// - Throws: ``TrainingError/damagedCheckpoint(path:reason:)``, ``TrainingError/file(path:operation:reason:)``.
    public init(checkpoint path: String) throws {
        let identity = try contents(of: path, CheckpointIdentity.self).state.identity
        architecture = identity.architecture
        sizes = identity.sizes
        logitAlpha = identity.logitAlpha
        options = identity.options
    }
}

/// A checkpoint is a safetensors file: weights, averages and optimiser as tensors, without what masks hold at zero, the rest as
/// JSON in the metadata.
extension Trainer {
    /// Writes the whole state of the training, replacing the file in one step.
    /// - Throws: ``TrainingError/file(path:operation:reason:)``.
    public func writeCheckpoint(to path: String) throws {
        var arrays = [
            fitted.parameters(), optimizer.moments.map(\.average), optimizer.moments.map(\.first),
            optimizer.moments.map(\.second),
        ]
        if let bestWeights { arrays.append(bestWeights) }
        let state = try String(
            decoding: JSONEncoder().encode(CheckpointState(identity: identity, progress: progress)), as: UTF8.self)
        let infos = optimizer.moments.map(\.info)
        // one array at a time: all of them are as much as the training itself holds
        func live(_ number: Int) -> [Float] {
            let (group, array) = number.quotientAndRemainder(dividingBy: infos.count)
            return group == 0 ? infos[array].live(of: arrays[0][array]) : arrays[group][array]
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
        noteSaved()
    }

    /// Continues where the checkpoint stopped. Only the options that say how long to train may have changed.
    /// - Throws: ``TrainingError/damagedCheckpoint(path:reason:)``,
    ///   ``TrainingError/checkpointMismatch(property:checkpoint:now:)``,
    ///   ``TrainingError/file(path:operation:reason:)``; nothing has changed then.
    public func resume(from path: String) throws {
        func damaged(_ reason: String) -> TrainingError { .damagedCheckpoint(path: path, reason: reason) }
        let (tensors, metadata, json, state) = try contents(of: path, JSONValue.self)
        let mismatch: (property: String, checkpoint: String, now: String)?
        do {
            mismatch = try identity.mismatch(with: state.identity, fields: Flow.fields)
        } catch {
            throw damaged("its metadata is not a checkpoint's")
        }
        if let (property, checkpoint, now) = mismatch {
            throw TrainingError.checkpointMismatch(property: property, checkpoint: checkpoint, now: now)
        }

        let infos = optimizer.moments.map(\.info)
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
                tensor.shape == info.liveShape ? tensor.values : info.live(of: tensor.values)
            }
        }
        progress = state.progress
        fitted.setParameters(zip(infos, arrays[0]).map { $0.whole(of: $1) })
        optimizer = Adam(
            steps: progress.step,
            moments: infos.indices.map {
                Adam.Moments(info: infos[$0], first: arrays[2][$0], second: arrays[3][$0], average: arrays[1][$0])
            })
        bestWeights = arrays.count > 4 ? arrays[4] : nil
        noteSaved()
    }
}
