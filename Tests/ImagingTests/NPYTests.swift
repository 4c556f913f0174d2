import Imaging
import Testing

/// A file of version `major` with this dictionary.
private func file(_ dictionary: String, data: [UInt8] = [], major: UInt8 = 1, length: Int? = nil) -> [UInt8] {
    let text = Array(dictionary.utf8)
    let count = length ?? text.count
    let size = (0..<(major == 1 ? 2 : 4)).map { UInt8(count >> ($0 * 8) & 255) }
    return [0x93] + Array("NUMPY".utf8) + [major, 0] + size + text + data
}

private func header(_ descr: String = "'|u1'", _ fortran: String = "False", _ shape: String) -> String {
    "{'descr': \(descr), 'fortran_order': \(fortran), 'shape': \(shape), }"
}

private func failedField(_ bytes: [UInt8]) -> String {
    do {
        _ = try NPYArray.decode(bytes)
        return "nothing"
    } catch {
        switch error {
        case .invalidNPY(let field, let expected, let found): return expected.isEmpty || found.isEmpty ? "" : field
        case .tooLarge(let quantity, _, _): return quantity
        default: return "\(error)"
        }
    }
}

@Suite("NPY")
struct NPYTests {
    @Test("what is encoded comes back")
    func roundTrip() throws {
        let arrays = [
            NPYArray(shape: [2, 3], [UInt8](0..<6)), NPYArray(shape: [], [7] as [UInt8]),
            NPYArray(shape: [0, 4], [] as [UInt8]), NPYArray(shape: [3], [1.5, -2, .infinity] as [Float]),
            NPYArray(shape: [1, 2], [1e300, -0.1]),
            NPYArray(shape: Array(repeating: 1, count: 64), [9] as [UInt8]),
        ]
        for array in arrays {
            let bytes = array.encoded()
            #expect(try NPYArray.decode(bytes) == array)
            #expect((bytes.count - array.bytes.count) % 64 == 0)
        }
        #expect(arrays[3].doubles() == [1.5, -2, .infinity])
        #expect(arrays[4].doubles() == [1e300, -0.1])
    }

    /// `numpy.save` of `numpy.arange(6).reshape(2, 3)` as each type, NumPy 2.4.6: descr and data.
    @Test(
        "numpy's own files are read",
        arguments: [
            ("|u1", 1, [0, 1, 2, 3, 4, 5]), ("<u2", 2, [0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0]),
            ("<i4", 4, [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0]),
            ("<i8", 8, (0..<6).flatMap { [$0, 0, 0, 0, 0, 0, 0, 0] }),
            ("<f4", 4, [0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64]),
            (
                "<f8", 8,
                [
                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 8, 64,
                    0, 0,
                    0, 0, 0, 0, 16, 64, 0, 0, 0, 0, 0, 0, 20, 64,
                ]
            ),
        ] as [(String, Int, [UInt8])])
    func foreign(_ descr: String, _ size: Int, _ data: [UInt8]) throws {
        // The exact 128 bytes that numpy writes before the data, padding included.
        let dictionary = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (2, 3), }"
        let padded = dictionary + String(repeating: " ", count: 117 - dictionary.count) + "\n"
        let array = try NPYArray.decode(file(padded, data: data))
        #expect(array.shape == [2, 3] && array.elementType.rawValue == descr && array.elementType.size == size)
        #expect(array.doubles() == [0, 1, 2, 3, 4, 5])
        #expect(try array.levels(6) == [0, 1, 2, 3, 4, 5])
        #expect(try NPYArray.decode(array.encoded()) == array)
    }

    @Test("versions 2 and 3, other key orders and spacing are read", arguments: [1, 2, 3] as [UInt8])
    func versions(_ major: UInt8) throws {
        for text in [header("(2,)"), "{\"shape\":(2,),\"descr\":'|b1','fortran_order':True}\n  "] {
            #expect(try NPYArray.decode(file(text, data: [1, 0], major: major)).bytes == [1, 0])
        }
    }

    @Test("each fault is named by its field")
    func faults() {
        let good = header("(2,)")
        let cases: [(String, [UInt8], String)] = [
            ("nothing", [], "magic"), ("another format", Array("PK\u{3}\u{4}".utf8), "magic"),
            ("only the magic", Array(file(good).prefix(6)), "header"),
            ("version 4", file(good, data: [0, 0], major: 4), "version"),
            ("version 0", file(good, data: [0, 0], major: 0), "version"),
            ("a header that is cut off", file(good, length: 500), "header"),
            ("too large a header", file(good, major: 2, length: 0xffff_ffff), "header bytes"),
            ("not a dictionary", file("[1, 2]"), "header"), ("an empty dictionary", file("{}"), "header"),
            ("a missing key", file("{'descr': '|u1', 'shape': (2,)}"), "header"),
            ("a key twice", file("{'descr': '|u1', 'descr': '|u1'}"), "header"),
            ("an unknown key", file("{'descr': '|u1', 'x': 1}"), "header"),
            ("text after the dictionary", file(good + "x"), "header"),
            ("an open string", file("{'descr"), "header"), ("no colon", file("{'descr' '|u1'}"), "descr"),
            ("objects", file(header("'|O'", "(2,)")), "descr"), ("complex", file(header("'<c8'", "(2,)")), "descr"),
            ("long doubles", file(header("'<f16'", "(2,)")), "descr"),
            ("bfloat16", file(header("'|V2'", "(2,)")), "descr"),
            ("no type", file(header("''", "(2,)")), "descr"), ("an order alone", file(header("'<'", "(2,)")), "descr"),
            ("a structured type", file(header("[('a', '<i4')]", "(2,)")), "descr"),
            ("too little data in Fortran order", file(header("'|u1'", "True", "(2, 2)"), data: [0, 0]), "data"),
            ("L without digits", file(header("(L,)"), data: [0, 0]), "shape"),
            ("L twice", file(header("(2LL,)"), data: [0, 0]), "shape"),
            ("a number for a boolean", file(header("'|u1'", "0", "(2,)")), "fortran_order"),
            ("a negative axis", file(header("(-2,)"), data: [0, 0]), "shape"),
            ("a list", file(header("[2]"), data: [0, 0]), "shape"),
            ("no comma", file(header("(2 1)"), data: [0, 0]), "shape"),
            ("an axis beyond 64 bits", file(header("(99999999999999999999,)")), "shape"),
            ("a product beyond 64 bits", file(header("(4294967296, 4294967296)")), "shape"),
            ("too many axes", file(header("(" + String(repeating: "1, ", count: 65) + ")"), data: [0]), "dimensions"),
            ("too little data", file(good, data: [0]), "data"), ("too much data", file(good, data: [0, 0, 0]), "data"),
            ("exabytes", file(header("(1152921504606846976,)")), "data"),
        ]
        for (name, bytes, field) in cases { #expect(failedField(bytes) == field, "\(name)") }
        #expect(failedField(file(good, data: [0, 0])) == "nothing")
    }

    @Test("the header's size limit holds on both sides")
    func headerLimit() throws {
        let text = header("(1,)")
        let padding = String(repeating: " ", count: NPYArray.maxHeaderBytes - text.utf8.count)
        #expect(try NPYArray.decode(file(text + padding, data: [3])).bytes == [3])
        #expect(throws: ImagingError.tooLarge(quantity: "header bytes", value: 10_001, limit: 10_000)) {
            try NPYArray.decode(file(text + padding + " ", data: [3]))
        }
    }

    @Test("a file cut off anywhere is an error")
    func truncated() {
        let bytes = NPYArray(shape: [3, 2], [1, 2, 3, 4, 5, 6] as [Float]).encoded()
        for count in 0..<bytes.count { #expect(failedField(Array(bytes[..<count])) != "nothing") }
    }

    @Test("messages do not repeat what a file says at length")
    func quoting() {
        let name = String(repeating: "x", count: 500) + "\u{1b}"
        do {
            _ = try NPYArray.decode(file(header("'\(name)'", "(2,)")))
            Issue.record("no error")
        } catch {
            guard case .invalidNPY(_, _, let found) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(found.count < 80)
        }
    }
}

private func header(_ shape: String) -> String { header("'|u1'", "False", shape) }
private func header(_ descr: String, _ shape: String) -> String { header(descr, "False", shape) }
