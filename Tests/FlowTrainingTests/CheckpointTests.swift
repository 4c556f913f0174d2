import Compression
import DataSets
import FlowCore
import FlowModels
import FlowTraining
import FoundationEssentials
import Testing

@Suite("Checkpoint")
struct CheckpointTests {
    static var options: TrainingOptions {
        var options = TrainerTests.options(epochs: 4)
        options.horizontalFlips = true
        options.weightDecay = 0.01
        return options
    }

    /// All but the clock.
    static func curve(_ trainer: Trainer<MaskedAutoregressiveFlow>) -> [[Double]] {
        trainer.progress.curve.map {
            [Double($0.epoch), Double($0.step), $0.trainBitsPerDim, $0.validationBitsPerDim, $0.learningRate]
        }
    }

    @Test("a training that was stopped anywhere and resumed ends with the same bits", arguments: [1, 7, 10, 14, 27])
    func exactness(stopAfter: Int) throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let whole = try pairTrainer(Self.options)
        #expect(try whole.run() == .allEpochs)

        let first = try pairTrainer(Self.options)
        let end = try first.run(checkpoint: (file, 1e9), isInterrupted: { first.progress.step == stopAfter })
        #expect(end == .interrupted)
        let second = try pairTrainer(Self.options)
        try second.resume(from: file)
        #expect(second.progress == first.progress)
        #expect(try second.run(checkpoint: (file, 1e9)) == .allEpochs)

        #expect(parameters(second.flow) == parameters(whole.flow))
        #expect(parameters(try #require(second.bestFlow)) == parameters(try #require(whole.bestFlow)))
        #expect(Self.curve(second) == Self.curve(whole))

        // and the finished state is in the file too: nothing is left to do
        let third = try pairTrainer(Self.options)
        try third.resume(from: file)
        #expect(try third.run() == .allEpochs)
        #expect(third.progress.step == whole.progress.step)
        #expect(parameters(third.flow) == parameters(whole.flow))
    }

    @Test("is written before the first step, at every interval, and after a kill at most that much is lost")
    func interval() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let trainer = try pairTrainer(Self.options)
        var saved = 0
        struct Killed: Error {}
        #expect(throws: Killed.self) {
            _ = try trainer.run(
                checkpoint: (file, 0),
                observe: { event in
                    if case .checkpoint = event { saved += 1 }
                    if saved == 10 { throw Killed() }
                })
        }
        let other = try pairTrainer(Self.options)
        try other.resume(from: file)
        #expect(other.progress.step == 9)
    }

    @Test("holds no masked zeros, and one that does, of an older program, is continued all the same")
    func wholeMatrices() throws {
        let folder = try TemporaryFolder()
        let trainer = try pairTrainer(Self.options)
        _ = try trainer.run(isInterrupted: { trainer.progress.step == 9 })
        try trainer.writeCheckpoint(to: folder.file("live"))
        let (tensors, metadata) = try Safetensors.decode(Data(contentsOf: URL(filePath: folder.file("live"))).bytes)
        var infos: [ParameterInfo] = []
        var flow = trainer.flow
        flow.visitParameters { info, _ in infos.append(info) }
        #expect(infos.contains { $0.liveCount < $0.shape.reduce(1, *) })

        let state = try #require(metadata["tusk-checkpoint-1"])
        var checksum = unsafe crc32(Array(state.utf8).span.bytes)
        var whole: [Safetensors.Tensor] = []
        for group in ["weights", "average", "adam.first", "adam.second", "best"] {
            for info in infos {
                guard var tensor = tensors["\(group).\(info.name)"] else { continue }
                #expect(tensor.values.count == info.liveCount)
                tensor.values = info.whole(of: tensor.values)
                tensor.shape = info.shape
                checksum = unsafe crc32(tensor.values.span.bytes, continuing: checksum)
                whole.append(tensor)
            }
        }
        #expect(whole.count == tensors.count)
        try Data(
            Safetensors.encode(
                whole, metadata: ["tusk-checkpoint-1": state, "crc32": "\(checksum)"], precision: .float32)
        ).write(to: URL(filePath: folder.file("whole")))

        let ends = try ["live", "whole"].map { name in
            let other = try pairTrainer(Self.options)
            try other.resume(from: folder.file(name))
            #expect(other.progress == trainer.progress)
            #expect(try other.run() == .allEpochs)
            return parameters(other.flow)
        }
        #expect(ends[0] == ends[1])
    }

    @Test("may be continued for longer, not with other settings")
    func mismatch() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let trainer = try pairTrainer(Self.options)
        _ = try trainer.run(isInterrupted: { trainer.progress.step == 3 })
        try trainer.writeCheckpoint(to: file)

        var longer = Self.options
        longer.epochs = 5
        longer.patience = 2
        longer.maxSeconds = 100
        try pairTrainer(longer).resume(from: file)

        let changes: [(String, (inout TrainingOptions) -> Void)] = [
            ("batch", { $0.batch = 31 }), ("seed", { $0.seed = 8 }), ("learning-rate", { $0.learningRate = 1 }),
            ("warmup-steps", { $0.warmupSteps = 6 }), ("clip", { $0.clipNorm = 2 }),
            ("weight-decay", { $0.weightDecay = 0 }), ("ema", { $0.averageDecay = 0.5 }),
            ("flips", { $0.horizontalFlips = false }), ("shift", { $0.shift = 1 }),
        ]
        for (property, change) in changes {
            var other = Self.options
            change(&other)
            let trainer = try pairTrainer(other)
            let error = try #require(throws: TrainingError.self) { try trainer.resume(from: file) }
            guard case .checkpointMismatch(property, _, _) = error else {
                Issue.record("\(property): \(error)")
                continue
            }
            #expect(trainer.progress.step == 0)
        }
        #expect(throws: TrainingError.self) {
            try pairTrainer(Self.options, train: PairImages.set(count: 200, seed: 7)).resume(from: file)
        }
        #expect(throws: TrainingError.self) { try pairTrainer(Self.options, alpha: 0.01).resume(from: file) }
    }

    @Test("that is cut short, changed or not one at all is refused, and changes nothing")
    func damage() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.checkpoint")
        let trainer = try pairTrainer(Self.options)
        _ = try trainer.run(isInterrupted: { trainer.progress.step == 9 })
        try trainer.writeCheckpoint(to: file)
        let good = try [UInt8](Data(contentsOf: URL(filePath: file)))

        let headerEnd = 8 + good[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        var damaged: [[UInt8]] = [[], Array("not a checkpoint".utf8)]
        for length in [7, 8, headerEnd / 2, headerEnd, good.count / 2, good.count - 1] {
            damaged.append(Array(good.prefix(length)))
        }
        damaged.append(good + [0])
        for place in [headerEnd, (headerEnd + good.count) / 2, good.count - 1] {
            var changed = good
            changed[place] ^= 1
            damaged.append(changed)
        }
        for bytes in damaged {
            try Data(bytes).write(to: URL(filePath: file))
            let trainer = try pairTrainer(Self.options)
            let before = parameters(trainer.flow)
            let error = try #require(throws: TrainingError.self) { try trainer.resume(from: file) }
            guard case .damagedCheckpoint = error else {
                Issue.record("\(error)")
                continue
            }
            #expect(trainer.progress.step == 0 && trainer.progress.curve.isEmpty)
            #expect(parameters(trainer.flow) == before)
        }
    }

    @Test("that is not there or cannot be written is an error that names it")
    func files() throws {
        let folder = try TemporaryFolder()
        let trainer = try pairTrainer(Self.options)
        let missing = try #require(throws: TrainingError.self) { try trainer.resume(from: folder.file("none")) }
        #expect(
            missing
                == .file(path: folder.file("none"), operation: "read", reason: "No such file or directory"))
        let nowhere = folder.file("no/such/folder")
        let unwritable = try #require(throws: TrainingError.self) { try trainer.writeCheckpoint(to: nowhere) }
        guard case .file(nowhere, "write", _) = unwritable else {
            Issue.record("\(unwritable)")
            return
        }
    }
}
