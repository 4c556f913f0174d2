import Compression
import FlowCore
import FlowModels
import FoundationEssentials
import Glibc

/// What must be the same for a checkpoint to be continued.
struct CheckpointIdentity: Codable, Equatable {
    var architecture: String
    var hyperParameters: HyperParameters
    var eventShape: EventShape
    var levels: Int
    var logitAlpha: Double
    var trainHash: String
    var validationHash: String
    var options: TrainingOptions

    /// The first property in which `self`, of the checkpoint, and `now` differ. How long to train may change.
    func mismatch(with now: CheckpointIdentity) -> TrainingError? {
        let before = self.options
        let after = now.options
        let properties: [(String, String, String)] = [
            ("architecture", architecture, now.architecture),
            ("layers", "\(hyperParameters.layers)", "\(now.hyperParameters.layers)"),
            ("hidden", "\(hyperParameters.hidden)", "\(now.hyperParameters.hidden)"),
            ("log-scale-bound", "\(hyperParameters.logScaleBound)", "\(now.hyperParameters.logScaleBound)"),
            ("image shape", "\(eventShape)", "\(now.eventShape)"),
            ("levels", "\(levels)", "\(now.levels)"),
            ("alpha", "\(logitAlpha)", "\(now.logitAlpha)"),
            ("hash of the training images", trainHash, now.trainHash),
            ("hash of the validation images", validationHash, now.validationHash),
            ("batch", "\(before.batch)", "\(after.batch)"),
            ("seed", "\(before.seed)", "\(after.seed)"),
            ("learning-rate", "\(before.learningRate)", "\(after.learningRate)"),
            ("warmup-steps", "\(before.warmupSteps)", "\(after.warmupSteps)"),
            ("clip", "\(before.clipNorm)", "\(after.clipNorm)"),
            ("weight-decay", "\(before.weightDecay)", "\(after.weightDecay)"),
            ("ema", "\(before.averageDecay)", "\(after.averageDecay)"),
            ("flips", "\(before.horizontalFlips)", "\(after.horizontalFlips)"),
            ("shift", "\(before.shift)", "\(after.shift)"),
            ("shards", "\(before.shards)", "\(after.shards)"),
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

/// A checkpoint is a safetensors file: weights, optimiser and averages as tensors, the rest as JSON in the metadata,
/// with a CRC-32 over that JSON and all tensors.
private struct CheckpointHeader: Codable, Equatable {
    struct Tensor: Codable, Equatable {
        var dtype = "F32"
        var shape: [Int]
        var data_offsets: [Int]
    }
    var metadata: [String: String]
    var tensors: [String: Tensor]

    static let format = "tusk-checkpoint-1"

    init(metadata: [String: String], groups: [CheckpointGroup], parameters: [ParameterInfo]) {
        self.metadata = metadata
        tensors = [:]
        var offset = 0
        for group in groups {
            for info in parameters {
                let bytes = 4 * info.shape.reduce(1, *)
                tensors["\(group.rawValue).\(info.name)"] = Tensor(
                    shape: info.shape, data_offsets: [offset, offset + bytes])
                offset += bytes
            }
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        metadata = try container.decode([String: String].self, forKey: Key.metadata)
        tensors = [:]
        for key in container.allKeys where key != Key.metadata {
            tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(metadata, forKey: Key.metadata)
        for (name, tensor) in tensors { try container.encode(tensor, forKey: Key(name)) }
    }

    private struct Key: CodingKey, Equatable {
        static let metadata = Key("__metadata__")
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }
}

/// The kinds of arrays in a checkpoint, each as large as the flow, in the order of the file.
private enum CheckpointGroup: String, CaseIterable {
    case weights
    case average
    case first = "adam.first"
    case second = "adam.second"
    case best
}

extension Trainer {
    private var identity: CheckpointIdentity {
        CheckpointIdentity(
            architecture: Flow.architectureName, hyperParameters: hyperParameters, eventShape: train.data.shape,
            levels: preprocessing.levels, logitAlpha: preprocessing.logitAlpha, trainHash: train.data.contentHash,
            validationHash: validation.data.contentHash, options: options)
    }

    /// Writes the whole state of the training, replacing the file in one step.
    /// - Throws: ``TrainingError/file(path:operation:reason:)``.
    public func writeCheckpoint(to path: String) throws {
        var arrays: [[[Float]]] = [
            flow.parameters(), optimizer.memory.map(\.average), optimizer.memory.map(\.first),
            optimizer.memory.map(\.second),
        ]
        if let bestWeights { arrays.append(bestWeights) }
        let groups = Array(CheckpointGroup.allCases.prefix(arrays.count))
        let state = try String(
            decoding: JSONEncoder().encode(CheckpointState(identity: identity, progress: progress)), as: UTF8.self)
        var checksum = crc32(Array(state.utf8).span.bytes)
        for array in arrays.joined() { checksum = crc32(array.span.bytes, continuing: checksum) }
        let header = CheckpointHeader(
            metadata: ["format": CheckpointHeader.format, "state": state, "crc32": "\(checksum)"], groups: groups,
            parameters: optimizer.memory.map(\.info))
        var json = try [UInt8](JSONEncoder().encode(header))
        json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)  // aligns the tensors

        let file = try AtomicFile(path: path)
        try file.write([UInt64(json.count).littleEndian].span.bytes)
        try file.write(json.span.bytes)
        for array in arrays.joined() { try file.write(array.span.bytes) }
        try file.commit()
    }

    /// Continues where the checkpoint stopped. Only the options that say how long to train may have changed.
    /// - Throws: ``TrainingError/damagedCheckpoint(path:reason:)``,
    ///   ``TrainingError/checkpointMismatch(property:checkpoint:now:)``,
    ///   ``TrainingError/file(path:operation:reason:)``; nothing has changed then.
    public func resume(from path: String) throws {
        let file = try InputFile(path: path)
        let (header, state) = try readHeader(file)
        if let mismatch = state.identity.mismatch(with: identity) { throw mismatch }
        let infos = optimizer.memory.map(\.info)
        let groups = CheckpointGroup.allCases.prefix(state.progress.best == nil ? 4 : 5)
        let expected = CheckpointHeader(metadata: header.metadata, groups: Array(groups), parameters: infos)
        let bytes = 4 * groups.count * infos.reduce(0) { $0 + $1.shape.reduce(1, *) }
        guard header == expected, file.rest == bytes else {
            throw TrainingError.damagedCheckpoint(path: path, reason: "tensors are missing or do not fit the flow")
        }
        var checksum = crc32(Array(header.metadata["state", default: ""].utf8).span.bytes)
        let arrays = try groups.map { _ in
            try infos.map { info in
                let values = try file.floats(info.shape.reduce(1, *))
                checksum = crc32(values.span.bytes, continuing: checksum)
                return values
            }
        }
        guard header.metadata["crc32"] == "\(checksum)" else {
            throw TrainingError.damagedCheckpoint(path: path, reason: "the checksum does not match")
        }
        progress = state.progress
        flow.setParameters(arrays[0])
        optimizer = Adam(
            steps: progress.step,
            memory: infos.indices.map {
                Adam.Memory(info: infos[$0], first: arrays[2][$0], second: arrays[3][$0], average: arrays[1][$0])
            })
        bestWeights = arrays.count > 4 ? arrays[4] : nil
    }

    private func readHeader(_ file: borrowing InputFile) throws -> (CheckpointHeader, CheckpointState) {
        let length = try file.length()
        guard length <= min(file.rest, maxHeaderBytes) else {
            throw TrainingError.damagedCheckpoint(
                path: file.path, reason: "its header is said to be \(length) bytes; at most "
                    + "\(min(file.rest, maxHeaderBytes)) are possible")
        }
        let json = try Data(file.bytes(length))
        guard let header = try? JSONDecoder().decode(CheckpointHeader.self, from: json),
            header.metadata["format"] == CheckpointHeader.format,
            let state = header.metadata["state"],
            let decoded = try? JSONDecoder().decode(CheckpointState.self, from: Data(state.utf8))
        else {
            throw TrainingError.damagedCheckpoint(path: file.path, reason: "its header is not a checkpoint's")
        }
        return (header, decoded)
    }
}

/// The curve of a long training is the largest part.
private let maxHeaderBytes = 1 << 28

/// A file that is read from front to end.
private struct InputFile: ~Copyable {
    let path: String
    private let descriptor: Int32
    private let size: Int

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw systemError(path, "read") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let error = systemError(path, "read")
            close(descriptor)
            throw error
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Bytes after the cursor.
    var rest: Int { size - lseek(descriptor, 0, SEEK_CUR) }

    func length() throws -> Int {
        let bytes = try bytes(8)
        return Int(clamping: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    func bytes(_ count: Int) throws -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        try unsafe result.withUnsafeMutableBytes { try unsafe fill($0) }
        return result
    }

    func floats(_ count: Int) throws -> [Float] {
        var result = [Float](repeating: 0, count: count)
        try unsafe result.withUnsafeMutableBytes { try unsafe fill($0) }
        return result
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < buffer.count {
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = unsafe read(descriptor, target.baseAddress, target.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw systemError(path, "read") }
            if count == 0 {
                throw TrainingError.damagedCheckpoint(path: path, reason: "it ends early, after \(size) bytes")
            }
            done += count
        }
    }
}
