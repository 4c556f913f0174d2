import FlowCore
import FlowModels
import TestSupport

/// A checkpoint of another library: the first byte names the dialect, the rest is the file. It is refused with a ``FlowImportError``, or, since the
/// check vector is none of the fuzzer's, refused by that.
@Sendable func fuzzImport(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let dialect = FlowDialects.names[Int(input.byte()) % FlowDialects.names.count]
    let checkpoint = input.takeAll()
    let options = FlowImportOptions(
        dialect: dialect, shape: EventShape(height: 2, width: 3, channels: 1), levels: 256, logitAlpha: 0.05,
        name: "imported", slope: dialect.hasPrefix("zuko") ? 1e-3 : nil, tailBound: dialect.contains("nsf") ? 3 : nil)
    do {
        _ = unsafe try FlowImport.model(
            checkpoint: checkpoint.span.bytes, check: checkFile.span.bytes, options: options)
    } catch let error as FlowImportError {
        try require(error.description.utf8.count < 65_536, "the error repeats the file")
    }
}

/// A check vector of a flow that hardly any checkpoint is.
private let checkFile: [UInt8] = {
    let x = Safetensors.Tensor(name: "x", shape: [4, 6], values: (0..<24).map { Float($0) / 24 })
    let logProb = Safetensors.Tensor(name: "log_prob", shape: [4], values: [-1, -2, -3, -4])
    guard let file = try? Safetensors.encode([x, logProb], metadata: [:], precision: .float32) else {
        fatalError("a check vector of four rows cannot be written")
    }
    return file
}()
