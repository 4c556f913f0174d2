import Imaging
import Testing

/// A file of version 1.0 of one axis.
private func array(_ descr: String, _ bytes: [UInt8], count: Int) throws -> NPYArray {
    let text = Array("{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(count),)}".utf8)
    return try NPYArray.decode([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text + bytes)
}

@Suite("Scale of values")
struct ValueScaleTests {
    @Test("negative integers, fractions and large values are no levels, and named by their position")
    func refused() throws {
        let cases: [(array: NPYArray, levels: Int, position: [Int], value: String)] = [
            (NPYArray(shape: [2], [0, 2] as [UInt8]), 2, [1], "2"), (NPYArray(shape: [1], [1.5]), 256, [0], "1.5"),
            (NPYArray(shape: [1], [-1.0]), 256, [0], "-1.0"), (NPYArray(shape: [1], [Float.nan]), 256, [0], "nan"),
            (NPYArray(shape: [2], [255, 256.0]), 256, [1], "256.0"),
            (NPYArray(shape: [2, 2, 3], (0..<12).map { $0 == 9 ? 0.5 : Double($0) }), 256, [1, 1, 0], "0.5"),
            (NPYArray(shape: [], [-1] as [Float]), 256, [], "-1.0"),
            (try array("<i4", [255, 255, 255, 255], count: 1), 256, [0], "-1"),
            (try array(">u2", [0, 255, 1, 0], count: 2), 256, [1], "256"),
            (try array("|i1", [127, 128], count: 2), 256, [1], "-128"),
            (try array("<f2", [0x00, 0x7C], count: 1), 256, [0], "inf"),
        ]
        for (array, levels, position, value) in cases {
            #expect(throws: NPYArray.LevelError.notLevel(position: position, value: value, levels: levels)) {
                try array.levels(levels)
            }
        }
    }

    @Test("whole-number floats are levels")
    func whole() throws {
        #expect(try NPYArray(shape: [2], [0, 255.0]).levels(256) == [0, 255])
        #expect(try NPYArray(shape: [3], [-0.0, 1, 2] as [Float]).levels(3) == [0, 1, 2])
        #expect(try array("<f2", [0, 0x40, 0xF8, 0x5B], count: 2).levels(256) == [2, 255])
        #expect(try NPYArray(shape: [2], [0, 1] as [UInt8]).levels(256) == [0, 1], "bytes are levels")
    }

    @Test(
        "floats and booleans from 0 to 1 must be said to be levels or fractions, but for two levels, or where all are 0"
    )
    func unsaid() throws {
        let booleans = try array("|b1", [0, 1], count: 2)
        let floats = NPYArray(shape: [2], [0, 1.0])
        let fractions = NPYArray(shape: [2], [0, 0.5] as [Float])
        for (array, type) in [(booleans, NPYArray.ElementType.bool), (floats, .float64), (fractions, .float32)] {
            for levels in [3, 16, 256] {
                #expect(throws: NPYArray.LevelError.unsaid(type: type, levels: levels)) { try array.levels(levels) }
            }
        }
        for array in [booleans, floats] {
            #expect(try array.levels(2) == [0, 1])
            #expect(try array.levels(256, scale: .levels) == [0, 1])
            #expect(try array.levels(256, scale: .unit) == [0, 255])
        }
        #expect(throws: NPYArray.LevelError.notLevel(position: [1], value: "0.5", levels: 256)) {
            try fractions.levels(256, scale: .levels)
        }
        #expect(try NPYArray(shape: [3], [0, -0.0, 0]).levels(256) == [0, 0, 0])
        #expect(try NPYArray(shape: [0], [] as [Double]).levels(256) == [])
        // One value beyond 1 tells.
        #expect(try NPYArray(shape: [3], [0, 1, 2.0]).levels(256) == [0, 1, 2])
        #expect(NPYArray(shape: [3], [0, 1, 2.0]).exceedsUnit && !floats.exceedsUnit)
    }

    @Test("fractions are the nearest levels, halves the even one, as numpy.rint(255 * x) has them")
    func unit() throws {
        let levels = NPYArray(shape: [256], (0..<256).map { Float($0) / 255 })
        #expect(try levels.levels(256, scale: .unit) == (0...255).map { UInt8($0) })
        #expect(try NPYArray(shape: [5], [0, 0.25, 0.5, 0.75, 1]).levels(3, scale: .unit) == [0, 0, 1, 2, 2])
        #expect(try NPYArray(shape: [3], [0.49, 0.5, 0.51]).levels(2, scale: .unit) == [0, 0, 1])
        #expect(try array("<f2", [0, 0, 0, 0x3C], count: 2).levels(256, scale: .unit) == [0, 255])
        #expect(try NPYArray(shape: [2], [0, 1] as [UInt8]).levels(256, scale: .unit) == [0, 255])
        for value in [-0.001, 1.001, .nan, .infinity] {
            #expect(throws: NPYArray.LevelError.notUnit(position: [1, 0], value: "\(value)")) {
                try NPYArray(shape: [2, 1], [0, value]).levels(256, scale: .unit)
            }
        }
        #expect(throws: NPYArray.LevelError.notUnit(position: [1], value: "2")) {
            try NPYArray(shape: [2], [0, 2] as [UInt8]).levels(256, scale: .unit)
        }
    }

    @Test("a part of an array has a scale by itself, and positions in the whole")
    func parts() throws {
        let array = NPYArray(shape: [2, 2], [0, 1, 2, 300.0])
        let scale = try array.scale(256, said: nil, of: 0..<4)
        #expect(scale == .levels)
        #expect(try array.scale(256, said: nil, of: 2..<4) == .levels)
        #expect(throws: NPYArray.LevelError.unsaid(type: .float64, levels: 256)) {
            try array.scale(256, said: nil, of: 0..<2)
        }
        #expect(try array.levels(256, scale: scale, of: 0..<2) == [0, 1])
        #expect(throws: NPYArray.LevelError.notLevel(position: [1, 1], value: "300.0", levels: 256)) {
            try array.levels(256, scale: scale, of: 2..<4)
        }
    }

    @Test("reasons name the option of those who ask")
    func words() {
        let cases: [(error: NPYArray.LevelError, words: [String])] = [
            (.unsaid(type: .float32, levels: 256), ["float32", "--scale unit", "--scale levels", "255"]),
            (
                .notLevel(position: [3, 1], value: "0.5", levels: 16),
                ["from 0 to 15", "0.5 at [3, 1]", "--scale unit"]
            ),
            (.notUnit(position: [2], value: "7"), ["--scale unit", "7 at [2]", "from 0 to 1"]),
        ]
        for (error, words) in cases {
            let text = error.reason { "--scale \($0.rawValue)" }
            for word in words { #expect(text.contains(word), "\(text)") }
        }
        #expect(
            !NPYArray.LevelError.notLevel(position: [0], value: "256", levels: 256).reason(\.rawValue).contains("unit"))
    }
}
