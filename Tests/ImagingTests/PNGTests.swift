import Compression
import Imaging
import Testing

private let kinds: [(colorType: Int, depth: Int)] = [
    (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8),
    (6, 16),
]

/// A pattern that uses all values of a depth.
private func value(_ x: Int, _ y: Int, _ channel: Int, depth: Int) -> Int {
    (x * 7919 + y * 104_729 + channel * 1_299_709 + x * y * 31) & ((1 << depth) - 1)
}

private func rounded(_ value: Int, depth: Int) -> UInt8 {
    let top = (1 << depth) - 1
    return UInt8((value * 255 + top / 2) / top)
}

private func damaged(_ bytes: [UInt8]) -> Bool {
    do {
        _ = try decodePNG(bytes)
        return false
    } catch {
        if case .damaged(.png, let reason) = error { return !reason.isEmpty }
        return false
    }
}

@Suite("PNG")
struct PNGTests {
    @Test("every kind of file is read exactly", arguments: kinds, [false, true])
    func everyKind(_ kind: (colorType: Int, depth: Int), interlaced: Bool) throws {
        let modes: [Int: ColorMode] = [0: .gray, 2: .rgb, 3: .rgb, 4: .grayAlpha, 6: .rgba]
        let palette = (0..<(1 << min(8, kind.depth)) * 3).map { UInt8($0 * 37 & 255) }
        for (width, height, filter) in [(1, 1, 0), (3, 5, 1), (8, 8, 2), (13, 9, 3), (33, 17, 4)] {
            var builder = PNGBuilder(width: width, height: height, depth: kind.depth, colorType: kind.colorType)
            builder.interlaced = interlaced
            builder.filter = filter
            if kind.colorType == 3 { builder.extra = [("PLTE", palette)] }
            let image = try decodeImage(builder.file { value($0, $1, $2, depth: kind.depth) })
            #expect(image.width == width && image.height == height)
            #expect(image.mode == modes[kind.colorType])
            #expect(image.isReducedFrom16Bit == (kind.depth == 16))
            var expected: [UInt8] = []
            for y in 0..<height {
                for x in 0..<width {
                    for channel in 0..<builder.channels {
                        let stored = value(x, y, channel, depth: kind.depth)
                        if kind.colorType == 3 {
                            expected += palette[stored * 3..<stored * 3 + 3]
                        } else {
                            expected.append(rounded(stored, depth: kind.depth))
                        }
                    }
                }
            }
            #expect(image.pixels == expected)
        }
    }

    @Test("tRNS becomes an alpha channel")
    func transparency() throws {
        var gray = PNGBuilder(width: 4, height: 1)
        gray.extra = [("tRNS", [0, 7])]
        let first = try decodePNG(gray.file { x, _, _ in [6, 7, 8, 255][x] })
        #expect(first.mode == .grayAlpha && first.pixels == [6, 255, 7, 0, 8, 255, 255, 255])

        var rgb = PNGBuilder(width: 2, height: 1, colorType: 2)
        rgb.extra = [("tRNS", [0, 1, 0, 2, 0, 3])]
        let second = try decodePNG(rgb.file { x, _, channel in x == 0 ? channel + 1 : 9 })
        #expect(second.mode == .rgba && second.pixels == [1, 2, 3, 0, 9, 9, 9, 255])

        var palette = PNGBuilder(width: 3, height: 1, depth: 2, colorType: 3)
        palette.extra = [("PLTE", [1, 2, 3, 4, 5, 6, 7, 8, 9]), ("tRNS", [0, 128])]
        let third = try decodePNG(palette.file { x, _, _ in x })
        #expect(third.mode == .rgba && third.pixels == [1, 2, 3, 0, 4, 5, 6, 128, 7, 8, 9, 255])
    }

    @Test(
        "colour-space chunks do not change the stored values",
        arguments: [
            [("gAMA", PNGBuilder.bigEndian(100_000))], [("gAMA", PNGBuilder.bigEndian(22_000))], [("sRGB", [1])],
            [("gAMA", PNGBuilder.bigEndian(0))], [("bKGD", [0, 128])], [("sBIT", [5])],
            [("cHRM", [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6000].flatMap(PNGBuilder.bigEndian))],
        ] as [[(String, [UInt8])]])
    func gamma(_ extra: [(String, [UInt8])]) throws {
        for (colorType, depth) in [(0, 8), (4, 8), (2, 8), (6, 8), (0, 16), (4, 16)] {
            var builder = PNGBuilder(width: 256, height: 1, depth: depth, colorType: colorType)
            builder.extra = extra
            let image = try decodePNG(builder.file { x, _, _ in depth == 16 ? x * 257 : x })
            #expect(image.pixels == (0..<256).flatMap { [UInt8](repeating: UInt8($0), count: builder.channels) })
        }
    }

    @Test("what is encoded comes back exactly", arguments: ColorMode.allCases)
    func roundTrip(_ mode: ColorMode) throws {
        for (width, height) in [(1, 1), (28, 28), (1, 300), (300, 1), (257, 129)] {
            var state: UInt32 = 9
            let pixels = (0..<width * height * mode.channels).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return UInt8(state >> 24)
            }
            let image = Image(width: width, height: height, mode: mode, pixels: pixels)
            #expect(try decodePNG(encodePNG(image)) == image)
        }
    }

    @Test("a file cut off anywhere is an error", arguments: [false, true])
    func truncated(_ interlaced: Bool) {
        var builder = PNGBuilder(width: 16, height: 16, colorType: 2)
        builder.interlaced = interlaced
        let bytes = builder.file { value($0, $1, $2, depth: 8) }
        for count in 0..<bytes.count { #expect(damaged(Array(bytes[..<count])), "cut at \(count)") }
        #expect(!damaged(bytes))
        #expect(!damaged(bytes + [0, 1, 2]), "what follows IEND is ignored")
    }

    @Test("a file with any byte changed is an error")
    func flipped() {
        let bytes = PNGBuilder(width: 16, height: 16).file { value($0, $1, $2, depth: 8) }
        for index in bytes.indices {
            var copy = bytes
            copy[index] ^= 0x10
            #expect(damaged(copy), "byte \(index)")
        }
    }

    @Test("image data that is wrong below intact chunk checksums is an error")
    func wrongData() {
        let builder = PNGBuilder(width: 8, height: 8)
        let rows = builder.filteredRows { value($0, $1, $2, depth: 8) }
        let stream = deflate(rows, coding: .deflate)
        #expect(!damaged(builder.file(idat: stream)))
        #expect(damaged(builder.file(idat: deflate(Array(rows.dropLast()), coding: .deflate))), "a row too short")
        #expect(damaged(builder.file(idat: [])), "no data")
        #expect(damaged(builder.file(idat: deflate([], coding: .deflate))), "an empty stream")
        for count in 0..<stream.count {
            #expect(damaged(builder.file(idat: Array(stream[..<count]))), "stream cut at \(count)")
        }
        var checksum = stream
        checksum[checksum.count - 1] ^= 1
        #expect(damaged(builder.file(idat: checksum)), "wrong Adler-32")
        var filter = rows
        filter[9] = 5
        #expect(damaged(builder.file(idat: deflate(filter, coding: .deflate))), "unknown filter")
    }

    @Test("what follows the image data in its chunks does not matter", arguments: [false, true])
    func surplus(_ interlaced: Bool) throws {
        for (width, height) in [(1, 1), (8, 8), (300, 20)] {
            var builder = PNGBuilder(width: width, height: height)
            builder.interlaced = interlaced
            let rows = builder.filteredRows { value($0, $1, $2, depth: 8) }
            let stream = deflate(rows, coding: .deflate)
            let image = try decodePNG(builder.file(idat: stream))
            for count in [1, 4, 500, 5000, 50_000] {
                let zeros = [UInt8](repeating: 0, count: count)
                #expect(try decodePNG(builder.file(idat: stream + zeros)) == image, "\(count) bytes behind the stream")
                #expect(
                    try decodePNG(builder.file(idat: deflate(rows + zeros, coding: .deflate))) == image,
                    "\(count) of rows")
            }
            var checksum = stream + [1, 2, 3]
            checksum[stream.count - 1] ^= 1
            #expect(damaged(builder.file(idat: checksum)), "wrong Adler-32")
        }
    }

    @Test("a chunk with a wrong checksum is left out, unless the pixels need it")
    func checksums() throws {
        let plain = PNGBuilder(width: 4, height: 4)
        let image = try decodePNG(plain.file { value($0, $1, $2, depth: 8) })
        func broken(_ type: String, _ content: [UInt8]) -> [UInt8] {
            var file = plain.file { value($0, $1, $2, depth: 8) }
            var chunk = PNGBuilder.chunk(type, content)
            chunk[chunk.count - 1] ^= 1
            file.insert(contentsOf: chunk, at: 33)  // behind IHDR
            return file
        }
        let ignored: [(String, [UInt8])] = [
            ("tEXt", Array("a\0b".utf8)), ("iCCP", Array("p\0\0".utf8) + deflate([0, 0], coding: .deflate)),
            ("pHYs", [0, 0, 11, 19, 0, 0, 11, 19, 1]), ("gAMA", PNGBuilder.bigEndian(45_455)),
            ("tIME", [7, 230, 1, 1, 0, 0, 0]),
            ("eXIf", [1, 2, 3]), ("prVt", []),
        ]
        for (type, content) in ignored { #expect(try decodePNG(broken(type, content)) == image, "\(type)") }
        #expect(throws: ImagingError.damaged(format: .png, reason: "wrong checksum of the chunk tRNS")) {
            try decodePNG(broken("tRNS", [0, 7]))
        }
        #expect(damaged(broken("PLTE", [1, 2, 3])))
    }

    @Test("a palette beside other pixels, and transparency beside alpha, are no matter")
    func suggestions() throws {
        for (colorType, extra) in [
            (0, [("PLTE", [1, 2, 3])]), (0, [("PLTE", [1, 2])]), (4, [("PLTE", [1, 2, 3])]),
            (2, [("PLTE", [1, 2, 3])]),
            (2, [("PLTE", [])]), (6, [("PLTE", [1, 2, 3]), ("tRNS", [0])]), (4, [("tRNS", [0, 1])]),
        ] as [(Int, [(String, [UInt8])])] {
            var builder = PNGBuilder(width: 3, height: 3, colorType: colorType)
            let image = try decodePNG(builder.file { value($0, $1, $2, depth: 8) })
            builder.extra = extra
            #expect(try decodePNG(builder.file { value($0, $1, $2, depth: 8) }) == image)
        }
    }

    @Test("transparencies beyond the palette are left out, and none is no alpha channel")
    func longTransparency() throws {
        var builder = PNGBuilder(width: 2, height: 1, depth: 1, colorType: 3)
        builder.extra = [("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [7, 8, 9, 10])]
        #expect(try decodePNG(builder.file { x, _, _ in x }).pixels == [1, 2, 3, 7, 4, 5, 6, 8])
        builder.extra = [("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [])]
        #expect(try decodePNG(builder.file { x, _, _ in x }).pixels == [1, 2, 3, 4, 5, 6])
        for extra in [[("tRNS", [7])], [("tRNS", [7]), ("PLTE", [1, 2, 3, 4, 5, 6])]] as [[(String, [UInt8])]] {
            builder.extra = extra
            #expect(damaged(builder.file { x, _, _ in x }), "no palette before it")
        }
    }

    @Test("a palette of grays only makes a gray picture, at every depth", arguments: [1, 2, 4, 8])
    func grayPalette(_ depth: Int) throws {
        var builder = PNGBuilder(width: 3, height: 2, depth: depth, colorType: 3)
        let grays = (0..<1 << depth).map { UInt8(200 - $0 % 150) }
        let palette = grays.flatMap { [$0, $0, $0] }
        builder.extra = [("PLTE", palette)]
        let image = try decodePNG(builder.file { x, y, _ in (x + y) % (1 << depth) })
        let expected = (0..<6).map { grays[($0 % 3 + $0 / 3) % (1 << depth)] }
        #expect(image.mode == .gray && image.pixels == expected)
        builder.extra.append(("tRNS", [9]))
        let transparent = try decodePNG(builder.file { x, y, _ in (x + y) % (1 << depth) })
        #expect(transparent.mode == .grayAlpha)
        #expect(transparent.pixels == expected.flatMap { [$0, $0 == grays[0] ? 9 : 255] })
        // One colour, used or not.
        builder.extra = [("PLTE", palette.dropLast(3) + [1, 1, 2])]
        #expect(try decodePNG(builder.file { _, _, _ in 0 }).mode == .rgb)
    }

    @Test(
        "a header that no PNG may have is an error",
        arguments: [
            (8, 1, 0, 0, 0), (3, 0, 0, 0, 0), (16, 3, 0, 0, 0), (8, 0, 1, 0, 0), (8, 0, 0, 1, 0), (8, 0, 0, 0, 2),
            (0, 0, 0, 0, 0), (4, 2, 0, 0, 0),
        ])
    func header(_ fields: (Int, Int, Int, Int, Int)) {
        let (depth, color, compression, filter, interlace) = fields
        let header =
            PNGBuilder.bigEndian(1) + PNGBuilder.bigEndian(1)
            + [depth, color, compression, filter, interlace].map { UInt8($0) }
        let bytes =
            PNGBuilder.signature + PNGBuilder.chunk("IHDR", header)
            + PNGBuilder.chunk("IDAT", deflate([0, 0], coding: .deflate)) + PNGBuilder.chunk("IEND", [])
        #expect(damaged(bytes))
    }

    @Test("chunks in the wrong place are an error")
    func chunks() {
        let header = PNGBuilder.chunk("IHDR", PNGBuilder(width: 1, height: 1).header)
        let data = PNGBuilder.chunk("IDAT", deflate([0, 9], coding: .deflate))
        let end = PNGBuilder.chunk("IEND", [])
        let start = PNGBuilder.signature
        #expect(!damaged(start + header + data + end))
        #expect(damaged(start + data + header + end))
        #expect(damaged(start + header + header + data + end))
        #expect(damaged(start + header + end))
        #expect(damaged(start + end))
        #expect(damaged(start + header + PNGBuilder.chunk("XXXX", []) + data + end), "unknown critical chunk")
        #expect(!damaged(start + header + PNGBuilder.chunk("xxxx", [1]) + data + end), "unknown other chunk")
        let palette = PNGBuilder.chunk("IHDR", PNGBuilder(width: 1, height: 1, colorType: 3).header)
        #expect(damaged(start + palette + data + end), "no palette")
        for (width, height) in [(0, 1), (1, 0)] {
            let empty = PNGBuilder.chunk("IHDR", PNGBuilder(width: width, height: height).header)
            #expect(damaged(start + empty + data + end))
        }
    }

    @Test("limits hold on both sides, by the header alone")
    func limits() throws {
        let bytes = PNGBuilder(width: 20, height: 10).file { value($0, $1, $2, depth: 8) }
        #expect(try decodePNG(bytes, limits: DecodeLimits(side: 20, pixels: 200)).width == 20)
        #expect(throws: ImagingError.tooLarge(quantity: "width", value: 20, limit: 19)) {
            try decodePNG(bytes, limits: DecodeLimits(side: 19, pixels: 200))
        }
        #expect(throws: ImagingError.tooLarge(quantity: "pixels", value: 200, limit: 199)) {
            try decodePNG(bytes, limits: DecodeLimits(side: 20, pixels: 199))
        }
        let tall = PNGBuilder(width: 10, height: 20).file { value($0, $1, $2, depth: 8) }
        #expect(throws: ImagingError.tooLarge(quantity: "height", value: 20, limit: 19)) {
            try decodePNG(tall, limits: DecodeLimits(side: 19, pixels: 200))
        }
        // 4 Gi × 4 Gi pixels, in 60 bytes.
        let huge = PNGBuilder(width: 0xffff_ffff, height: 0xffff_ffff).file(idat: [1, 2, 3])
        #expect(throws: ImagingError.tooLarge(quantity: "width", value: 0xffff_ffff, limit: 16_384)) {
            try decodePNG(huge)
        }
        let wide = PNGBuilder(width: 0x7fff_ffff, height: 0x7fff_ffff).file(idat: [1, 2, 3])
        #expect(throws: ImagingError.tooLarge(quantity: "pixels", value: 0x7fff_ffff * 0x7fff_ffff, limit: .max / 4)) {
            try decodePNG(wide, limits: DecodeLimits(side: .max, pixels: .max / 4))
        }
    }

    @Test("other bytes are no image", arguments: [[], [0], Array("GIF89a".utf8), [0x89, 0x50]] as [[UInt8]])
    func unknown(_ bytes: [UInt8]) {
        #expect(imageFormat(of: bytes) == nil)
        #expect(throws: ImagingError.unknownFormat(fileKind(of: bytes))) { try decodeImage(bytes) }
    }

    @Test("what values mean is noted in the file and read from it, if its checksum is right")
    func valueScale() throws {
        let image = Image(width: 2, height: 1, mode: .gray, pixels: [0, 16])
        for scale in ValueScale.allCases {
            let file = try encodePNG(image, scale: scale)
            #expect(try decodePNG(file) == image)
            #expect(try ImageHeader(of: file[...]).valueScale == scale)
            var damaged = file
            damaged[8 + 25 + 8 + 11 + scale.rawValue.count] ^= 1  // signature, IHDR, begin of the chunk, its content
            #expect(try ImageHeader(of: damaged[...]).valueScale == nil && decodePNG(damaged) == image)
        }
        #expect(try ImageHeader(of: encodePNG(image)[...]).valueScale == nil)
        #expect(try ImageHeader(of: JPEGFiles.gray[...]).valueScale == .unit)
    }
}
