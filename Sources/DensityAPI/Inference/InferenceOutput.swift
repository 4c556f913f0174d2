import HTTPContent
import HTTPTypes
import HTTPWire

/// Tensor of an answer.
struct OutputTensor: Sendable {
    enum Values: Sendable {
        case doubles([Double])
        case texts([String])
        case levels([UInt8])
    }

    var name: String
    var shape: [Int]
    var values: Values

    private var type: TensorType {
        switch values {
        case .doubles: .fp64
        case .texts: .bytes
        case .levels: .uint8
        }
    }

    /// The elements as bytes, the least significant first; texts each after their length, 4 bytes.
    private var bytes: [UInt8] {
        switch values {
        case .doubles(let values): values.flatMap { littleEndian($0.bitPattern) }
        case .texts(let texts): texts.flatMap { littleEndian(UInt32($0.utf8.count)) + Array($0.utf8) }
        case .levels(let levels): levels
        }
    }

    private var json: JSON {
        switch values {
        case .doubles(let values): .numbers(values)
        case .texts(let texts): .array(texts.map(JSON.string))
        case .levels(let levels): .integers(levels.map(Int.init))
        }
    }

    /// Entry of the answer's JSON, and the bytes that follow it where the tensor is binary.
    fileprivate func encoded(isBinary: Bool) -> (entry: JSON, bytes: [UInt8]) {
        let bytes = isBinary ? self.bytes : []
        let content: JSON.Member =
            isBinary
            ? .init("parameters", ["binary_data_size": .integer(bytes.count)]) : .init("data", json)
        let entry: [JSON.Member] = [
            .init("name", .string(name)), .init("datatype", .string(type.rawValue)), .init("shape", .integers(shape)),
            content,
        ]
        return (.object(entry), bytes)
    }
}

extension InferenceRequest {
    /// Tensors of the answer, in its order: those of the model, or those that the request names.
    /// - Throws: ``ProblemKind/parameter`` for one that the model has not, or that is named twice.
    func chosen(of model: InferenceModel) throws(Problem) -> [Output] {
        let known = model.outputs.map(\.name)
        guard let outputs else { return known.map { Output(name: $0) } }
        for (index, output) in outputs.enumerated() {
            guard known.contains(output.name) else {
                throw Problem(
                    .parameter,
                    "outputs: \(quoted(model.name)) has no \(quoted(output.name)); it has \(known.joined(separator: ", "))"
                )
            }
            guard !outputs[..<index].contains(where: { $0.name == output.name }) else {
                throw Problem(.parameter, "outputs: \(quoted(output.name)) is named twice")
            }
        }
        return outputs
    }

    /// The answer that has `tensors`, each in the form that the request wants it in.
    func response(
        of model: InferenceModel, _ tensors: [OutputTensor], parameters: [JSON.Member] = [], timing: ServerTiming
    ) -> ServerResponse {
        var (entries, binary): ([JSON], [UInt8]) = ([], [])
        var hasBinary = false
        for tensor in tensors {
            let isBinary = outputs?.first { $0.name == tensor.name }?.isBinary ?? self.isBinary
            let (entry, bytes) = tensor.encoded(isBinary: isBinary)
            hasBinary = hasBinary || isBinary
            entries.append(entry)
            binary += bytes
        }
        var members: [JSON.Member] = [
            .init("model_name", .string(model.name)), .init("model_version", .string(model.version)),
        ]
        if let id { members.append(.init("id", .string(id))) }
        if !parameters.isEmpty { members.append(.init("parameters", .object(parameters))) }
        let json = JSON.object(members + [.init("outputs", .array(entries))])
        var fields: HTTPFields = [.serverTiming: timing.description]
        guard hasBinary else { return .json(json, fields: fields) }
        let head = json.encoded
        fields[.contentType] = MediaType.octets.description
        fields[.inferenceLength] = String(head.count)
        return ServerResponse(status: .ok, fields: fields, body: .bytes(head + binary))
    }
}

private func littleEndian(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
