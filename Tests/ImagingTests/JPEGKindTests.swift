import Imaging
import Testing

/// Where the segment of the first marker with this code begins.
private func segment(_ code: UInt8, in file: [UInt8]) throws -> Int {
    try #require(file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == code })
}

/// Why a file is damaged; nil when it is read, "unsupported: " and the feature when it is of a kind that is not.
private func fault(_ file: [UInt8]) -> String? {
    do {
        _ = try decodeJPEG(file)
        return nil
    } catch {
        switch error {
        case .damaged(.jpeg, let reason): return reason
        case .unsupported(.jpeg, let feature): return "unsupported: \(feature)"
        default: return "\(error)"
        }
    }
}

@Suite("Kinds of JPEG files")
struct JPEGKindTests {
    private static let goldens = Result { try Golden.all(of: "jpeg.npy") }

    private static func golden(_ name: String) throws -> [UInt8] {
        try #require(try goldens.get().first { $0.name == name }).file
    }

    @Test("every chroma sampling, code, restart, padding and kind of ink is read to the pixels of Pillow")
    func read() throws {
        let goldens = try Self.goldens.get()
        #expect(goldens.count == 45)
        for golden in goldens {
            let image = try decodeImage(golden.file)
            #expect(golden.matches(image), "\(golden.name)")
            let header = try ImageHeader(of: golden.file[...])
            #expect((header.width, header.height) == (image.width, image.height), "\(golden.name)")
        }
    }

    @Test(
        "a file cut off anywhere is an error",
        arguments: [
            "arithmetic 2x2,1x1,1x1", "progressive arithmetic 2x1,1x1,1x1", "a restart marker each block, 2x2,1x1,1x1",
            "CMYK by Adobe's marker", "8 bytes before the end", "bytes between all segments",
        ])
    func truncated(_ name: String) throws {
        let file = try Self.golden(name)
        for count in 0..<file.count where fault(Array(file[..<count])) == nil { Issue.record("cut at \(count)") }
    }

    @Test("restart markers out of order, and markers in the place of data, are errors")
    func missingPieces() throws {
        var file = try Self.golden("a restart marker each block, 2x2,1x1,1x1")
        file[try segment(0xD1, in: file) + 1] = 0xD3
        #expect(fault(file)?.contains("instead of RST1") == true)
        var other = try Self.golden("a restart marker each block, 2x2,1x1,1x1")
        let first = try segment(0xD0, in: other)
        other.removeSubrange(first - 8..<first)
        #expect(fault(other)?.contains("premature end of data segment") == true)
    }

    @Test(
        "corrupt codes are errors",
        arguments: [("sampling 1x1,1x1,1x1", "bad Huffman code"), ("arithmetic 2x2,1x1,1x1", "bad arithmetic code")])
    func corrupt(_ name: String, _ reason: String) throws {
        let file = try Self.golden(name)
        let faults = try (segment(0xDA, in: file) + 10..<file.count - 2).flatMap { index in
            ([0x01, 0x10, 0x80] as [UInt8]).map { bit -> String? in
                var copy = file
                copy[index] ^= bit
                return fault(copy)
            }
        }
        #expect(faults.contains { $0?.contains(reason) == true }, "\(Set(faults))")
    }

    @Test("a progression that leaves out a step is an error")
    func progression() throws {
        var file = try Self.golden("progressive 2x2,1x1,1x1")
        // Successive approximation of the last scan: as if bits were refined that no scan began.
        let scan = try #require(file.indices.dropLast().last { file[$0] == 0xFF && file[$0 + 1] == 0xDA })
        let approximation = scan + 2 + Int(file[scan + 3]) - 1
        #expect(file[approximation] == 0x10)
        file[approximation] = 0x21
        #expect(fault(file)?.contains("progression") == true, "\(fault(file) ?? "read")")
    }

    @Test("kinds that the library does not read are unsupported, not damaged")
    func unsupported() throws {
        #expect(fault(try fixture("lossless.jpg")) == "unsupported: lossless compression")
        #expect(fault(try fixture("12-bit.jpg")) == "unsupported: values of 12 bits")
        let gray = try Self.golden("gray")
        let frame = try segment(0xC0, in: gray)
        for (offset, bytes, feature) in [
            (1, [0xC5], "differential frames"), (1, [0xCB], "lossless compression"),
            (5, [0, 0], "a height that follows the image"),
        ] as [(Int, [UInt8], String)] {
            var file = gray
            file.replaceSubrange(frame + offset..<frame + offset + bytes.count, with: bytes)
            #expect(fault(file) == "unsupported: \(feature)")
        }
        // Two channels: the frame and the scan of a colour file without the last.
        var two = try Self.golden("sampling 1x1,1x1,1x1")
        let scan = try segment(0xDA, in: two)
        two.removeSubrange(scan + 9..<scan + 11)
        two[scan + 3] -= 2
        two[scan + 4] = 2
        let colors = try segment(0xC0, in: two)
        two.removeSubrange(colors + 16..<colors + 19)
        two[colors + 3] -= 3
        two[colors + 9] = 2
        #expect(fault(two) == "unsupported: 2 channels")
    }

    @Test("a width of 0 is damage")
    func noWidth() throws {
        var file = try Self.golden("gray")
        let frame = try segment(0xC0, in: file)
        (file[frame + 7], file[frame + 8]) = (0, 0)
        #expect(fault(file)?.contains("Empty JPEG image") == true)
    }
}
