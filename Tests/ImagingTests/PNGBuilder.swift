import Compression

/// Writes PNG files of every kind, independently of the library that reads them.
struct PNGBuilder {
    var width: Int
    var height: Int
    var depth: Int = 8
    /// 0 gray, 2 rgb, 3 palette, 4 gray and alpha, 6 rgba.
    var colorType: Int = 0
    var interlaced = false
    /// Filter type of every row, 0 to 4.
    var filter = 0
    /// Chunks between IHDR and IDAT.
    var extra: [(type: String, content: [UInt8])] = []

    var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colorType]! }

    static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    static func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }

    static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        return bigEndian(content.count) + body + bigEndian(Int(unsafe crc32(body.span.bytes)))
    }

    var header: [UInt8] {
        Self.bigEndian(width) + Self.bigEndian(height)
            + [UInt8(depth), UInt8(colorType), 0, 0, interlaced ? 1 : 0]
    }

    /// `sample(x, y, channel)` is a stored value, `0 ..< 2^depth`.
    func file(_ sample: (Int, Int, Int) -> Int) -> [UInt8] {
        file(idat: deflate(filteredRows(sample), coding: .deflate))
    }

    func file(idat: [UInt8]) -> [UInt8] {
        var bytes = Self.signature + Self.chunk("IHDR", header)
        for (type, content) in extra { bytes += Self.chunk(type, content) }
        // Two IDAT chunks, since a stream may be split anywhere.
        let half = idat.count / 2
        bytes += Self.chunk("IDAT", Array(idat[..<half])) + Self.chunk("IDAT", Array(idat[half...]))
        return bytes + Self.chunk("IEND", [])
    }

    func filteredRows(_ sample: (Int, Int, Int) -> Int) -> [UInt8] {
        // Adam7: first column, first row, column step, row step of each pass.
        let passes =
            interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        var result: [UInt8] = []
        for (left, top, across, down) in passes where left < width {
            var previous: [UInt8] = []
            for y in stride(from: top, to: height, by: down) {
                var row: [UInt8] = []
                var (bits, count) = (0, 0)
                for x in stride(from: left, to: width, by: across) {
                    for channel in 0..<channels {
                        bits = bits << depth | sample(x, y, channel)
                        count += depth
                        while count >= 8 {
                            row.append(UInt8(bits >> (count - 8) & 255))
                            count -= 8
                        }
                        bits &= (1 << count) - 1
                    }
                }
                if count > 0 { row.append(UInt8(bits << (8 - count) & 255)) }
                if previous.isEmpty { previous = [UInt8](repeating: 0, count: row.count) }
                result.append(UInt8(filter))
                let step = max(1, channels * depth / 8)
                for index in row.indices {
                    let left = index >= step ? Int(row[index - step]) : 0
                    let up = Int(previous[index])
                    let corner = index >= step ? Int(previous[index - step]) : 0
                    let guess = [0, left, up, (left + up) / 2, paeth(left, up, corner)][filter]
                    result.append(UInt8((Int(row[index]) - guess) & 255))
                }
                previous = row
            }
        }
        return result
    }

    private func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let p = a + b - c
        let (pa, pb, pc) = (abs(p - a), abs(p - b), abs(p - c))
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
    }
}
