import ArgumentParser
import FlowCore
import FlowKernels
import FlowModels
import FoundationEssentials

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What is in a model file: sizes, training, held-out density, cost of both directions, tensors.",
        discussion:
            "Reading verifies the file: a damaged one, or one whose check vector has another density, is an error.")

    @Argument(help: ArgumentHelp("Model file; without it the animals inside this program.", valueName: "file"))
    var file: String?

    @Flag(help: "List every tensor with its shape, type and spread.")
    var tensors = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        var arguments = ModelArguments()
        arguments.model = file
        let density = try arguments.load()
        let held = try arguments.contents()
        let summary = Inspection(
            of: density.flow, density.dequantizer, density, bytes: held.bytes, tensors: held.tensors,
            hash: held.hash, listsTensors: tensors)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            Terminal.line(String(decoding: try encoder.encode(summary), as: UTF8.self))
        } else {
            Terminal.line(summary.text)
        }
    }
}

/// Report of `tusk inspect`.
private struct Inspection: Encodable {
    struct Tensor: Encodable {
        var name: String
        /// Shape of the whole array, masked zeros among them.
        var shape: [Int]
        /// Number of elements that no mask holds at zero, of which the spread is.
        var live: Int
        var type: String
        var min: Double
        var mean: Double
        var max: Double
        var standardDeviation: Double
    }

    struct Direction: Encodable {
        var order: String
        /// Multiply-adds of an image by the flow's definition.
        var multiplyAdds: Int
        /// Multiply-adds that are done for an image.
        var multiplyAddsDone: Int

        var text: String {
            "\(order), \(grouped(multiplyAdds)) multiply-adds an image"
                + (multiplyAddsDone < multiplyAdds ? ", done with \(grouped(multiplyAddsDone))" : "")
        }
    }

    var name: String
    /// The architecture's name, its sizes as in `GET /models`, and both in words.
    var architecture: String
    var hyperParameters: Sizes
    var description: String
    /// Record of the model, as its file has it.
    var record: ModelRecord
    var fileBytes: Int
    /// SHA-256 of record and tensors, which was verified; nil where the file has none.
    var contentHash: String?
    /// Number of masked zeros that the file stores, as those of format 1 do.
    var maskedZeros: Int
    /// Types of the tensors.
    var types: [String]
    var logprob: Direction
    var sample: Direction
    var tensors: [Tensor]?

    init(
        of flow: some FlowArchitecture, _ dequantizer: Dequantizer?, _ density: any ImageDensity, bytes: Int,
        tensors held: [String: Safetensors.Tensor], hash: String?,
        listsTensors: Bool
    ) {
        record = density.record
        record.check.pixels = []
        name = record.name
        architecture = record.architecture
        hyperParameters = record.sizes
        description = type(of: flow).description(of: record.sizes)
        fileBytes = bytes
        contentHash = hash
        maskedZeros = held.values.reduce(0) { $0 + $1.values.count } - record.parameterCount
        types = Set(held.values.map(\.precision.rawValue)).sorted()
        let engine = FlowEngine(flow)
        let ofNoise = dequantizer.map { FlowEngine($0.map) }
        logprob = Direction(
            order: density.densityOrder.rawValue, multiplyAdds: engine.multiplyAdds + (ofNoise?.multiplyAdds ?? 0),
            multiplyAddsDone: engine.multiplyAddsDone.forward + (ofNoise?.multiplyAddsDone.inverse ?? 0))
        sample = Direction(
            order: density.samplingOrder.rawValue, multiplyAdds: engine.multiplyAdds,
            multiplyAddsDone: engine.multiplyAddsDone.inverse)
        guard listsTensors else { return }
        var listed: [Tensor] = []
        func list(_ info: ParameterInfo, _ values: inout [Float]) {
            if let tensor = held[info.name] { listed.append(Tensor(tensor, info)) }
        }
        // in the order of the maps
        var (visited, learned) = (flow, dequantizer)
        visited.visitParameters(list)
        learned?.visitParameters(list)
        tensors = listed
    }

    var text: String {
        var lines = [
            ("name", name),
            (
                "architecture",
                "\(architecture): \(description)"
            ),
            (
                "images",
                "\(record.eventShape), \(record.levels) levels; logit alpha \(record.logitAlpha)"
            ),
            (
                "noise",
                record.dequantization + (record.dequantizer.map { ", " + $0.description(of: Dequantizer.fields) } ?? "")
            ),
            (
                "classes",
                record.classes.isEmpty
                    ? "none"
                    : record.classes.joined(separator: ", ")
                        + (record.isConditional ? " (class-conditional)" : "")
            ),
            (
                "parameters",
                "\(grouped(record.parameterCount)) in \(types.joined(separator: ", "))"
            ),
            (
                "file",
                "\(grouped(fileBytes)) bytes, format \(record.formatVersion)"
                    + (maskedZeros > 0 ? ", with \(grouped(maskedZeros)) masked zeros" : "")
            ),
            ("sha256", contentHash.map { "verified: \($0)" } ?? "none; tusk seal adds it"),
            ("logprob", logprob.text),
            ("sample", sample.text),
        ]
        if let training = record.training {
            lines.append(
                (
                    "training",
                    "\(grouped(training.images)) images (\(training.split))"
                        + (training.skippedImages.map { ", \(grouped($0)) that could not be read were skipped" } ?? "")
                        + ", epoch \(training.bestEpoch) of "
                        + "\(training.epochs), batch \(training.batch), seed \(training.seed)"
                        + (training.horizontalFlips ? ", flips" : "") + ", \(duration(training.wallSeconds))"
                ))
            if let start = training.start {
                lines.append(("started from", "\(start.name), parameters \(start.parameterHash)"))
            }
            lines.append(("data hash", training.dataHash))
        }
        if let heldOut = record.heldOut {
            lines.append(
                (
                    "held out",
                    "\(fixed(heldOut.bitsPerDim, plusMinus: heldOut.bitsPerDimStandardError, 4)) bits/dim over "
                        + "\(grouped(heldOut.count)) images (\(heldOut.split))"
                ))
        }
        if let calibration = record.calibration {
            func below(_ percent: Int) -> String { fixed(calibration.logProb(atPercentile: percent), 1) }
            lines.append(
                (
                    "calibration",
                    "log_prob of the held-out images: 5% below \(below(5)), half below \(below(50)), "
                        + "95% below \(below(95)) nats"
                ))
        }
        if let decision = record.decision {
            lines.append(
                (
                    "verdicts",
                    "by \(decision.evidence.count) kinds of evidence, \(grouped(decision.count)) images (\(decision.split)); "
                        + "\(decision.alarm) of such are called outliers"
                ))
            let counts = (decision.classes ?? []).compactMap { $0?.count }
            if let least = counts.min(), let most = counts.max() {
                let images = least == most ? "\(least)" : "\(least) to \(most)"
                lines.append(("", "given each of \(counts.count) classes by \(images) images of it"))
            }
        }
        lines.append(("check vector", "verified: log_prob \(fixed(record.check.logProb, 3)) nats"))
        var text = lines.map { $0.0.padded(to: 14) + $0.1 }.joined(separator: "\n")
        if let tensors {
            let width = (tensors.map(\.name.count).max() ?? 0) + 2
            text += "\n\n" + "tensor".padded(to: width) + "shape".padded(to: 14) + "live".padded(to: 12)
            text += "type".padded(to: 6)
            text += "min".padded(to: 12) + "mean".padded(to: 12) + "max".padded(to: 12) + "std"
            for tensor in tensors {
                text += "\n" + tensor.name.padded(to: width)
                text += tensor.shape.map(String.init).joined(separator: "x").padded(to: 14)
                text += grouped(tensor.live).padded(to: 12) + tensor.type.padded(to: 6)
                text += [tensor.min, tensor.mean, tensor.max].map { fixed($0, 5).padded(to: 12) }.joined()
                text += fixed(tensor.standardDeviation, 5)
            }
        }
        return text
    }
}

extension Inspection.Tensor {
    fileprivate init(_ stored: Safetensors.Tensor, _ info: ParameterInfo) {
        let values = stored.shape == info.shape ? info.live(of: stored.values) : stored.values
        // with one pixel a mask leaves nothing
        let count = Double(values.isEmpty ? 1 : values.count)
        let mean = values.reduce(0.0) { $0 + Double($1) } / count
        let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        self.init(
            name: stored.name, shape: info.shape, live: values.count, type: stored.precision.rawValue,
            min: Double(values.min() ?? 0),
            mean: mean,
            max: Double(values.max() ?? 0), standardDeviation: (squares / count).squareRoot())
    }
}

extension String {
    /// The text with spaces behind, `width` characters at least.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
