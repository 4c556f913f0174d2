import FlowCore
import FlowModels
import FoundationEssentials
import Testing

@Suite("Model file")
struct ModelFileTests {
    func load(_ bytes: [UInt8]) throws -> DensityModel {
        unsafe try ModelFile.load(bytes.span.bytes)
    }

    func error(_ bytes: [UInt8]) -> ModelFileError? {
        do {
            _ = try load(bytes)
            return nil
        } catch {
            return error as? ModelFileError
        }
    }

    /// The header of a file as text, and the tensors after it.
    func parts(_ bytes: [UInt8]) -> (header: String, tensors: [UInt8]) {
        let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        return (String(decoding: bytes[8..<8 + length], as: UTF8.self), Array(bytes[(8 + length)...]))
    }

    func file(_ header: String, _ tensors: [UInt8]) -> [UInt8] {
        let length = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + tensors
    }

    /// The header without the hash of the contents, so that what is wrong with these is said, and not that they were changed.
    private func unsealed(_ header: String) throws -> String {
        try #require(header.contains(/"sha256":"[0-9a-f]{64}",/))
        return header.replacing(/"sha256":"[0-9a-f]{64}",/, with: "")
    }

    /// A sound file without a hash, with `text` of its header replaced; the text must be there.
    private func damaged(_ text: String, _ replacement: String) throws -> [UInt8] {
        var (header, tensors) = parts(
            try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .float32))
        header = try unsealed(header)
        try #require(header.contains(text), "\(text) is not in \(header)")
        return file(header.replacing(text, with: replacement), tensors)
    }

    @Test("what was written loads again and gives the same bits", arguments: FlowRegistry.architectures.indices)
    func roundTrip(_ index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let model = try tinyModel(type)
            let loaded = try load(ModelFile.encode(model, precision: .float32))
            let row = DensityRow(pixels: model.record.check.pixels.reversed())
            #expect(
                try loaded.logDensities(of: [row], isCancelled: { false })
                    == model.logDensities(of: [row], isCancelled: { false }))
            var expected = model.record
            expected.check.logProb = loaded.record.check.logProb
            #expect(loaded.record == expected)
            let (shape, sizes) = (model.record.eventShape, model.record.sizes)
            #expect(Flow.parameterCount(shape: shape, sizes: sizes) == model.flow.parameterCount)
            var elements = 0
            var flow = model.flow
            flow.visitParameters { _, values in elements += values.count }
            #expect(Flow.elementCount(shape: shape, sizes: sizes) == elements)
        }
        try check(FlowRegistry.architectures[index])
    }

    @Test(
        "16-bit files load, and verify on their own rounded weights", arguments: [TensorPrecision.bfloat16, .float16])
    func halfPrecision(_ precision: TensorPrecision) throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let bytes = try ModelFile.encode(model, precision: precision)
        #expect(bytes.count < (try ModelFile.encode(model, precision: .float32)).count)
        let loaded = try load(bytes)
        let row = DensityRow(pixels: [0, 9, 99, 255, 3, 70])
        let gap =
            try loaded.logDensities(of: [row], isCancelled: { false })[0]
            - model.logDensities(of: [row], isCancelled: { false })[0]
        // weights move by up to 2⁻⁹ of their size
        #expect(abs(gap) < 0.2)
    }

    @Test("a file on disk loads; a missing one is an error")
    func disk() throws {
        let path = FileManager.default.temporaryDirectory.path() + "tusk-model-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFile.write(tinyModel(AffineCouplingFlow.self), to: path, precision: .float32)
        #expect(try ModelFile.load(path: path).record.architecture == "coupling")
        #expect(throws: ModelFileError.unreadable(reason: "No such file or directory")) {
            try ModelFile.load(path: path + ".missing")
        }
    }

    @Test("a wrong length is refused: every truncation, and a byte too many")
    func lengths() throws {
        let bytes = try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .float32)
        for count in stride(from: 0, to: bytes.count, by: 97) {
            #expect(error(Array(bytes[..<count])) != nil, "\(count) bytes")
        }
        #expect(error([1, 2, 3]) == .format(.tooShort(bytes: 3)))
        #expect(
            error(Array(bytes.dropLast()))?.isOffsetsOrLength == true)
        let tooLong = ModelFileError.format(.wrongLength(expected: bytes.count, actual: bytes.count + 1))
        #expect(error(bytes + [0]) == tooLong)

        // by the header and the length alone, before the rest is read
        let head = Array(bytes[..<(8 + parts(bytes).header.utf8.count)])
        func outline(_ length: Int) throws -> ModelFile.Outline {
            try unsafe ModelFile.outline(of: head.span.bytes, fileBytes: length, isCopied: true)
        }
        #expect(try outline(bytes.count).record.architecture == "maf")
        #expect(throws: tooLong) { try outline(bytes.count + 1) }
        #expect(throws: ModelFileError.self) { try outline(bytes.count - 1) }
    }

    @Test("a header longer than the limit is refused before it is read")
    func headerLimit() {
        let claim: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0x80, 0x7B]
        #expect(error(claim) == .format(.headerTooLong(bytes: 1 << 63, limit: 8 << 20)))
        #expect(error(file("[1]", [])) == .format(.headerNotJSON))
        #expect(error(file("{\"a\":", [])) == .format(.headerNotJSON))
    }

    /// `standardize.shift` spans bytes 0 to 24.
    @Test("offsets that overlap, leave a hole or leave the file are refused")
    func offsets() throws {
        #expect(
            error(try damaged("\"data_offsets\":[24,48]", "\"data_offsets\":[20,44]"))
                == .format(.notContiguous(tensor: "standardize.log_scale")))
        #expect(
            error(try damaged("\"data_offsets\":[0,24]", "\"data_offsets\":[-24,0]"))?.isOffsets == true)
        #expect(
            error(try damaged("\"data_offsets\":[0,24]", "\"data_offsets\":[0,9999999]"))?.isOffsets == true)
        #expect(
            error(try damaged("\"data_offsets\":[0,24]", "\"data_offsets\":[24,0]"))?.isOffsets == true)
        #expect(
            error(try damaged("\"data_offsets\":[0,24]", "\"data_offsets\":[0]"))?.isOffsets == true)
        #expect(
            error(try damaged("\"data_offsets\":[0,24]", "\"data_offsets\":[0,20]"))
                == .format(.wrongSize(tensor: "standardize.shift", expected: 24, actual: 20)))
    }

    @Test("unknown types and shapes that overflow are refused")
    func typesAndShapes() throws {
        let header = "{\"a\":{\"data_offsets\":[0,8],\"dtype\":\"F64\",\"shape\":[1]}}"
        #expect(error(file(header, Array(repeating: 0, count: 8))) == .format(.unknownType(tensor: "a", type: "F64")))
        for shape in ["[4611686018427387904,4]", "[-1]", "[9223372036854775807]"] {
            let header = "{\"a\":{\"data_offsets\":[0,4],\"dtype\":\"F32\",\"shape\":\(shape)}}"
            #expect(error(file(header, [0, 0, 0, 0])) == .format(.badShape(tensor: "a")), "\(shape)")
        }
    }

    @Test("NaN and infinite weights are refused", arguments: [Float.nan, .infinity])
    func notFinite(_ value: Float) throws {
        var bytes = try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .float32)
        let bits = value.bitPattern
        for i in 0..<4 { bytes[bytes.count - 4 + i] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(i))) }
        guard case .format(.notFinite) = error(bytes) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("an unknown architecture, a newer format and newer mathematics are refused, each with its words")
    func versions() throws {
        #expect(
            error(try damaged("\\\"architecture\\\":\\\"maf\\\"", "\\\"architecture\\\":\\\"gan\\\""))
                == .unknownArchitecture("gan", known: FlowRegistry.architectures.map { $0.architectureName }))
        #expect(
            error(try damaged("\\\"format_version\\\":2", "\\\"format_version\\\":3"))
                == .newerFormat(version: 3, supported: 2))
        #expect(
            error(try damaged("\\\"format_version\\\":2", "\\\"format_version\\\":0"))?.badField
                == "format_version")
        #expect(
            error(try damaged("\\\"mathematics_version\\\":1", "\\\"mathematics_version\\\":7"))
                == .newerMathematics(version: 7, supported: 1))
        #expect(error(file("{}", [])) == .noRecord)
    }

    @Test("a record that makes no sense is refused, naming the field")
    func record() throws {
        #expect(
            error(try damaged("\\\"levels\\\":256", "\\\"levels\\\":1"))?.badField == "check.pixels")
        #expect(error(try damaged("\\\"logit_alpha\\\":0.001", "\\\"logit_alpha\\\":0.5"))?.badField == "logit_alpha")
        #expect(error(try damaged("\\\"height\\\":2", "\\\"height\\\":-2"))?.badField == "event_shape")
        #expect(error(try damaged("\\\"height\\\":2", "\\\"height\\\":\\\"2\\\""))?.badField == "event_shape.height")
        #expect(error(try damaged("\\\"height\\\":2,", ""))?.badField == "event_shape.height")
        #expect(error(try damaged("\\\"name\\\":\\\"tiny\\\"", "\\\"name\\\":\\\"../x\\\""))?.badField == "name")
        #expect(
            error(try damaged("\\\"layers\\\":2", "\\\"layers\\\":999999999"))?.badField == "hyper_parameters.layers")
        #expect(error(try damaged("\\\"hidden\\\":[6,5]", "\\\"hidden\\\":[]"))?.badField == "hyper_parameters.hidden")
        #expect(error(try damaged("\\\"bins\\\":8", "\\\"bins\\\":-8"))?.badField == "hyper_parameters.bins")
        #expect(error(try damaged("\\\"uniform\\\"", "\\\"normal\\\""))?.badField == "dequantization")
        #expect(error(try damaged("\\\"uniform\\\"", "\\\"variational\\\""))?.badField == "dequantizer")
    }

    /// Sizes that are allowed one by one, and would be terabytes: refused before anything is allocated. With 2,886 units the
    /// 190 numbers of the file would become 16,773,468 with the masked zeros, with one unit more 16,785,054.
    @Test("hyper-parameters that do not fit the tensors are refused")
    func parameterCount() throws {
        func refusal(units: Int) throws -> ModelFileError? {
            error(try damaged("\\\"hidden\\\":[6,5]", "\\\"hidden\\\":[\(units),\(units)]"))
        }
        #expect(ModelFile.elementLimit(parameters: 190) == 16 << 20)
        #expect(ModelFile.elementLimit(parameters: 1 << 22) == 16 << 22)
        let limit = ModelFile.elementLimit(parameters: 190)
        #expect(try refusal(units: 2887) == .tooManyElements(16_785_054, limit: limit, held: 190))
        guard case .tooManyElements(let elements, limit, held: 190) = try refusal(units: 1 << 20) else {
            Issue.record("not refused")
            return
        }
        #expect(elements > 1 << 40)
        guard case .wrongParameterCount(let expected, actual: 190) = try refusal(units: 2886) else {
            Issue.record("not refused")
            return
        }
        // a little more than half of it
        #expect((8_386_734..<12_000_000).contains(expected))
        #expect(
            error(try damaged("\\\"parameter_count\\\":190", "\\\"parameter_count\\\":310"))?.badField
                == "parameter_count")
    }

    @Test("a missing tensor and a wrong shape are refused")
    func tensors() throws {
        #expect(
            error(try damaged("\"standardize.shift\"", "\"standardize.shaft\"")) == .missingTensor("standardize.shift"))
        #expect(
            error(try damaged("\"shape\":[20]", "\"shape\":[4,5]"))
                == .wrongShape(tensor: "layers.0.weights.1", expected: [20], actual: [4, 5]))
    }

    @Test("a file whose check vector does not verify is refused with both values")
    func checkVector() throws {
        let (header, tensors) = parts(
            try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .float32))
        var bad = tensors
        bad[3] ^= 0x40  // the exponent of the first shift
        guard case .checkFailed(let expected, let actual, let tolerance) = error(file(try unsealed(header), bad)) else {
            Issue.record("not refused")
            return
        }
        #expect(abs(expected - actual) > tolerance)
    }

    @Test("a file with any bit turned is refused", arguments: [TensorPrecision.float32, .float16])
    func damage(_ precision: TensorPrecision) throws {
        let sound = try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: precision)
        let (header, tensors) = parts(sound)
        #expect(error(sound) == nil)
        // the last bit of the last weight, of which no density tells
        var bad = sound
        bad[sound.count - tensors.count + 40 * precision.width] ^= 1
        #expect(error(bad) == .damaged)
        #expect(
            error(file(try unsealed(header), Array(bad.suffix(tensors.count)))) == nil, "which without a hash loads")
        // a digit of the record
        #expect(error(file(header.replacing("\\\"levels\\\":256", with: "\\\"levels\\\":255"), tensors)) == .damaged)
        // but for the name of the hash, without which nobody misses it
        let name = try #require(sound.firstRange(of: Array("sha256".utf8)))
        for place in stride(from: 0, to: sound.count, by: 3) where !name.contains(place) {
            var bad = sound
            bad[place] ^= 1 << UInt8(place / 3 % 8)
            #expect(error(bad) != nil, "byte \(place)")
        }
    }

    @Test("a file of a program that wrote no hash loads, and is sealed with its tensors and all else as they were")
    func seal() throws {
        let sound = try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .bfloat16)
        let (header, tensors) = parts(sound)
        let old = file(
            try unsealed(header).replacing("\"__metadata__\":{", with: "\"__metadata__\":{\"note\":\"kept\","), tensors)
        let path = FileManager.default.temporaryDirectory.path() + "tusk-model-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(old).write(to: URL(filePath: path))
        #expect(try ModelFile.load(path: path).record == load(sound).record)

        let (hash, wasSealed) = try ModelFile.seal(path: path)
        let sealed = try [UInt8](Data(contentsOf: URL(filePath: path)))
        #expect(!wasSealed && parts(sealed).tensors == tensors && (sealed.count - tensors.count) % 8 == 0)
        #expect(header.contains(hash), "as if it had been written with it")
        let metadata = unsafe try Safetensors.decode(sealed.span.bytes).metadata
        #expect(metadata["note"] == "kept" && metadata["sha256"] == hash && metadata.count == 3)
        #expect(try ModelFile.load(path: path).record == load(sound).record)
        #expect(try ModelFile.seal(path: path) == (hash, true))
        #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == sealed)

        // what is damaged is not made sound
        var bad = sealed
        bad[sealed.count - 1] ^= 1
        try Data(bad).write(to: URL(filePath: path))
        #expect(throws: ModelFileError.damaged) { try ModelFile.seal(path: path) }
    }
}

extension ModelFileError {
    fileprivate var isOffsets: Bool {
        if case .format(.badOffsets) = self { true } else { false }
    }

    fileprivate var isOffsetsOrLength: Bool {
        if case .format(.wrongLength) = self { true } else { isOffsets }
    }

    fileprivate var badField: String? {
        if case .badRecord(let field, _) = self { field } else { nil }
    }
}
