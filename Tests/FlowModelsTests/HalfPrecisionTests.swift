import FlowCore
import FlowKernels
import Testing

@testable import FlowModels

@Suite("Tensors of half precision")
struct HalfPrecisionTests {
    /// All bits of finite numbers.
    private static let finite = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }

    /// A file of one tensor with these bits, behind `before` bytes of others, whose header has `dtype` and `spaces` more spaces.
    private func file(_ bits: [UInt16], dtype: String = "F16", spaces: Int = 0) -> [UInt8] {
        let json =
            #"{"a":{"dtype":"\#(dtype)","shape":[\#(bits.count)],"data_offsets":[0,\#(2 * bits.count)]}}"#
            + String(repeating: " ", count: spaces)
        var bytes: [UInt8] = []
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: json.utf8.count >> shift))
        }
        bytes += Array(json.utf8)
        for bits in bits { bytes += [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)] }
        return bytes
    }

    private func tensor(_ bytes: [UInt8]) throws -> Safetensors.Tensor {
        let tensors = unsafe try Safetensors.decode(bytes.span.bytes).tensors
        return try #require(tensors["a"])
    }

    private func values(_ bytes: [UInt8]) throws -> [Float] { try tensor(bytes).values }

    private func expected(_ bits: some Sequence<UInt16>) -> [UInt32] {
        bits.map { Float(Float16(bitPattern: $0)).bitPattern }
    }

    @Test("every finite number is that of Float(Float16), to the bit")
    func numbers() throws {
        #expect(Self.finite.count == 63_488)
        #expect(Self.finite.map { Reference.single(float16: $0).bitPattern } == expected(Self.finite))
        #expect(try values(file(Self.finite)).map(\.bitPattern) == expected(Self.finite))
    }

    @Test("every number that is not finite is refused, wherever it stands")
    func notFinite() throws {
        for bits in (0...UInt16.max) where bits & 0x7C00 == 0x7C00 {
            let bytes = file([0, 1, bits])
            #expect(throws: SafetensorsError.notFinite(tensor: "a")) { try tensor(bytes) }
        }
        for place in 0..<40 {
            var bits = [UInt16](repeating: 0x3C00, count: 40)
            bits[place] = 0xFC00
            let bytes = file(bits)
            #expect(throws: SafetensorsError.notFinite(tensor: "a")) { try tensor(bytes) }
        }
    }

    @Test("tensors of any length, from any byte on, are read whole")
    func tails() throws {
        // Normal, subnormal and zero, of both signs.
        let bits: [UInt16] = (0..<70).map {
            [0x3C00, 0x8001, 0x03FF, 0x8000, 0xFBFF, 0x0400, 0x1234][$0 % 7] + UInt16($0 % 3)
        }
        .map { $0 & 0x7C00 == 0x7C00 ? 0x7BFF : $0 }
        for length in 0...70 {
            for spaces in 0..<(length % 9 == 0 ? 16 : 2) {
                let part = Array(bits.prefix(length))
                #expect(try values(file(part, spaces: spaces)).map(\.bitPattern) == expected(part))
            }
        }
    }

    @Test("what is written in half precision is read as it was rounded")
    func written() throws {
        let values = Self.finite.map { Float(Float16(bitPattern: $0)) }
        let bytes = try Safetensors.encode(
            [.init(name: "a", shape: [values.count], values: values)], metadata: [:], precision: .float16)
        let tensor = try tensor(bytes)
        #expect(tensor.precision == .float16)
        #expect(tensor.values.map(\.bitPattern) == values.map(\.bitPattern))
    }

    @Test("a tensor that is cut short, or is longer than its shape, is refused")
    func truncated() throws {
        let bytes = file([1, 2, 3, 4, 5])
        _ = try values(bytes)
        for cut in 1...10 {
            let short = Array(bytes.dropLast(cut))
            #expect(throws: SafetensorsError.badOffsets(tensor: "a", bytes: 10 - cut)) { try tensor(short) }
        }
        let long = bytes + [0]
        #expect(throws: SafetensorsError.wrongLength(expected: bytes.count, actual: bytes.count + 1)) {
            try tensor(long)
        }
        let wide = file([1, 2, 3, 4, 5], dtype: "F32")
        #expect(throws: SafetensorsError.wrongSize(tensor: "a", expected: 20, actual: 10)) { try tensor(wide) }
    }
}
