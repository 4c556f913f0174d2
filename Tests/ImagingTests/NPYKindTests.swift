import Imaging
import Testing

/// A file of version 1.0 whose data are `bytes`.
private func file(_ descr: String, _ shape: String, isFortran: Bool = false, _ bytes: [UInt8]) -> [UInt8] {
    let text = Array("{'descr': '\(descr)', 'fortran_order': \(isFortran ? "True" : "False"), 'shape': \(shape)}".utf8)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text + bytes
}

@Suite("Kinds of NPY files")
struct NPYKindTests {
    @Test("numpy's files of every type, in both orders of bytes and of axes, are one array each")
    func everyKind() throws {
        var rest = try fixture("arrays.npy")[...]
        var (orders, found): (Int, [NPYArray.ElementType: [NPYArray]]) = (0, [:])
        while !rest.isEmpty {
            let header = try NPYArray.readHeader(rest)
            let length = header.bytes + header.dataBytes
            let array = try NPYArray.decode(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
            found[array.elementType, default: []].append(array)
            orders += (header.isBigEndian ? 1 : 0) + (header.isTransposed ? 1 : 0)
        }
        #expect(found.count == NPYArray.ElementType.allCases.count && orders == 18 + 21)
        for (type, arrays) in found {
            #expect(arrays.count == (type.size == 1 ? 2 : 4))
            let expected = (0..<12).map { index -> Double in
                if type == .bool { return index % 3 == 0 ? 1 : 0 }
                if type.isFloat { return Double(index) / 4 - 1 }
                return Double(type.name.hasPrefix("u") ? index : index - 6)
            }
            for array in arrays {
                #expect(array.shape == [2, 3, 2] && array.doubles() == expected, "\(type)")
                #expect(array == arrays[0])
                #expect(try NPYArray.decode(array.encoded()) == array)
            }
        }
    }

    @Test(
        "Fortran order of any number of axes is undone",
        arguments: [[7], [1, 5], [5, 1], [2, 3], [4, 1, 3], [2, 3, 4, 5], [3, 0, 2]])
    func fortran(_ shape: [Int]) throws {
        let count = shape.reduce(1, *)
        var data = [UInt8](repeating: 0, count: count)
        for index in 0..<count {
            // Position in C order, then the index in Fortran order of that position.
            var (rest, source, stride) = (index, 0, 1)
            var position = shape
            for axis in shape.indices.reversed() {
                (rest, position[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis])
            }
            for axis in shape.indices {
                source += position[axis] * stride
                stride *= shape[axis]
            }
            data[source] = UInt8(index)
        }
        let tuple = "(\(shape.map { "\($0), " }.joined()))"
        let array = try NPYArray.decode(file("|u1", tuple, isFortran: true, data))
        #expect(array.bytes == (0..<count).map { UInt8($0) })
        let header = try NPYArray.readHeader(file("|u1", tuple, isFortran: true, data)[...])
        #expect(header.isTransposed == (shape.count { $0 != 1 } > 1), "an order that differs")
    }

    @Test("names of types that numpy takes are taken", arguments: ["|u1", "<u1", ">u1", "=u1", "u1"])
    func names(_ descr: String) throws {
        #expect(try NPYArray.decode(file(descr, "(2,)", [3, 4])) == NPYArray(shape: [2], [3, 4] as [UInt8]))
    }

    @Test("any byte but 0 is true, as for numpy", arguments: ["|b1", "<b1", "?"])
    func booleans(_ descr: String) throws {
        #expect(try NPYArray.decode(file(descr, "(4,)", [0, 1, 2, 255])).bytes == [0, 1, 1, 1])
    }

    @Test("lengths of Python 2 end in L")
    func python2() throws {
        #expect(try NPYArray.decode(file("|u1", "(1L, 2L)", [3, 4])).shape == [1, 2])
    }

    @Test("a part of a big-endian file in C order is read by itself")
    func parts() throws {
        let bytes = file(">i2", "(3, 2)", [0, 1, 0, 2, 255, 255, 1, 0, 0, 5, 0, 6])
        let header = try NPYArray.readHeader(bytes[...])
        #expect(header.elements(bytes[header.bytes...].dropFirst(4).prefix(4)) == [255, 255, 0, 1])
    }

    @Test("integers of 64 bits are exact")
    func exact() throws {
        let ones = [UInt8](repeating: 255, count: 8)
        let signed = try NPYArray.decode(file("<i8", "(2,)", [1, 0, 0, 0, 0, 0, 32, 0] + ones))
        #expect(signed.integer(0) == 9_007_199_254_740_993 && signed.text(0) == "9007199254740993")
        #expect(signed.integer(1) == -1 && signed.text(1) == "-1")
        let unsigned = try NPYArray.decode(file("<u8", "(1,)", ones))
        #expect(unsigned.integer(0) == nil && unsigned.text(0) == "18446744073709551615")
        let floats = NPYArray(shape: [4], [0.1, 3, .nan, -0.0] as [Float])
        #expect((0..<4).map(floats.integer) == [nil, 3, nil, 0] && floats.text(0) == "0.1")
        for array in [signed, unsigned] {
            #expect(throws: NPYArray.LevelError.notLevel(position: [0], value: array.text(0), levels: 256)) {
                try array.levels(256)
            }
        }
    }

    @Test("what no array of numbers is has a name")
    func unread() {
        for (descr, kind) in [
            ("|O", "Python objects"), ("<c16", "complex"), ("<U3", "strings"), ("|V2", "bfloat16"),
            ("<M8[ns]", "dates"),
        ] {
            do {
                _ = try NPYArray.decode(file(descr, "(1,)", [0]))
                Issue.record("\(descr) was read")
            } catch {
                guard case .invalidNPY("descr", let expected, let found) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(found.contains(kind) && expected.contains("float16"))
            }
        }
    }
}
