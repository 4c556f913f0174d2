internal import Glibc

/// Way in which a stored picture is to be shown, as cameras note it.
///
/// Source: CIPA DC-008-2019, *Exchangeable image file format for digital still cameras*, section 4.6.4, tag 274 (Orientation).
package enum Orientation: Int, Sendable {
    case upright = 1
    case mirrored
    case upsideDown
    case flipped
    case transposed
    case turnedRight
    case transverse
    case turnedLeft

    /// Whether rows of the stored picture are shown as columns.
    package var swapsAxes: Bool { rawValue >= 5 }

    /// The orientation that a picture's Exif data has in its first directory, and else its XMP packet; upright where neither has one that
    /// can be read. So does Pillow, whose ways of looking through a packet these are.
    init(exif: ArraySlice<UInt8>, xmp: ArraySlice<UInt8> = []) {
        self = (Self.number(inExif: exif) ?? Self.number(inXMP: xmp)).flatMap(Orientation.init) ?? .upright
    }

    /// Value of the tag in Exif data, which may be none that there is; nil without one.
    ///
    /// Source: Adobe, *TIFF Revision 6.0* (1992), section 2: byte order, 42, offset of a directory; number of its entries, and of each its
    /// tag, type, count and value.
    private static func number(inExif bytes: ArraySlice<UInt8>) -> Int? {
        let isBigEndian = bytes.starts(with: [0x4D, 0x4D])
        guard isBigEndian || bytes.starts(with: [0x49, 0x49]) else { return nil }
        func number(_ size: Int, at offset: Int) -> Int? {
            guard offset >= 0, offset <= bytes.count - size else { return nil }
            let digits = bytes.dropFirst(offset).prefix(size)
            return isBigEndian
                ? digits.reduce(0) { $0 << 8 | Int($1) } : digits.reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(2, at: 2) == 42, let directory = number(4, at: 4), let count = number(2, at: directory) else {
            return nil
        }
        for index in 0..<count {
            let entry = directory + 2 + 12 * index
            guard let tag = number(2, at: entry) else { return nil }
            if tag != 274 { continue }
            // BYTE, SHORT, LONG: cameras write SHORT.
            let sizes = [1: 1, 3: 2, 4: 4]
            guard let type = number(2, at: entry + 2), let size = sizes[type], number(4, at: entry + 4) == 1 else {
                return nil
            }
            return number(size, at: entry + 8)
        }
        return nil
    }
}

extension Orientation {
    /// What comes before a packet in a segment APP1 of a JPEG.
    static let xmpMark = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    /// What comes before a packet in a chunk iTXt of a PNG: its keyword, and the sign that it is not compressed.
    static let xmpKeyword = Array("XML:com.adobe.xmp\0\0".utf8)

    private static let xmpName = Array("tiff:Orientation".utf8)

    /// First digit that an XMP packet has as the property tiff:Orientation, an attribute or an element; nil without one. Looks through the
    /// packet once.
    ///
    /// Source: ISO 16684-1:2019, *Extensible metadata platform (XMP)*, section 7; Adobe, *XMP Specification Part 3* (2020), section 1.1.
    static func number(inXMP packet: ArraySlice<UInt8>) -> Int? {
        unsafe packet.withUnsafeBufferPointer { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            var position = 0
            while let found = unsafe memchr(base + position, Int32(xmpName[0]), bytes.count - position) {
                position = unsafe UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found)) + 1
                var rest = unsafe bytes[position...]
                guard unsafe rest.starts(with: xmpName.dropFirst()) else { continue }
                unsafe rest = rest.dropFirst(xmpName.count - 1)
                for mark in ["=\"", ">"] where unsafe rest.starts(with: mark.utf8) {
                    if let digit = unsafe rest.dropFirst(mark.utf8.count).first, (0x30...0x39).contains(digit) {
                        return Int(digit) - 0x30
                    }
                }
            }
            return nil
        }
    }
}

extension Image {
    /// The picture as it is to be shown, of one that is stored in `orientation`, with a call of `check` before each row.
    /// - Throws: what `check` throws.
    func shown<Stop: Error>(_ orientation: Orientation, check: () throws(Stop) -> Void) throws(Stop) -> Image {
        if orientation == .upright { return self }
        let channels = mode.channels
        let (width, height) = orientation.swapsAxes ? (self.height, self.width) : (self.width, self.height)
        var result: [UInt8] = []
        result.reserveCapacity(pixels.count)
        for y in 0..<height {
            try check()
            for x in 0..<width {
                let (row, column) =
                    switch orientation {
                    case .upright: (y, x)
                    case .mirrored: (y, width - 1 - x)
                    case .upsideDown: (height - 1 - y, width - 1 - x)
                    case .flipped: (height - 1 - y, x)
                    case .transposed: (x, y)
                    case .turnedRight: (width - 1 - x, y)
                    case .transverse: (width - 1 - x, height - 1 - y)
                    case .turnedLeft: (x, height - 1 - y)
                    }
                let start = (row * self.width + column) * channels
                result.append(contentsOf: pixels[start..<start + channels])
            }
        }
        return Image(width: width, height: height, mode: mode, pixels: result, isReducedFrom16Bit: isReducedFrom16Bit)
    }
}
