/// Place behind the last byte of the picture that a PNG or JPEG file begins with; nil where it has no end, or is in another format.
///
/// Source: *Portable Network Graphics*, third edition, section 5 (chunks); ITU-T T.81, annex B (markers).
package func pictureEnd(of file: [UInt8]) -> Int? {
    switch imageFormat(of: file) {
    case .png: pngEnd(file)
    case .jpeg: jpegEnd(file)
    default: nil
    }
}

private func pngEnd(_ file: [UInt8]) -> Int? {
    var place = 8
    while place <= file.count - 12 {
        let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        let isLast = file[place + 4..<place + 8].elementsEqual("IEND".utf8)
        guard length <= file.count - place - 12 else { return nil }
        place += 12 + length
        if isLast { return place }
    }
    return nil
}

private func jpegEnd(_ file: [UInt8]) -> Int? {
    var place = 2
    while place < file.count - 1 {
        // what a scan has, and any number of bytes before a marker
        guard file[place] == 0xff else {
            place += 1
            continue
        }
        let marker = file[place + 1]
        switch marker {
        case 0xd9: return place + 2
        case 0xff: place += 1
        // a byte of a scan, restarts and what has no parameters
        case 0x00, 0x01, 0xd0...0xd8: place += 2
        default:
            guard place + 3 < file.count else { return nil }
            place += 2 + (Int(file[place + 2]) << 8 | Int(file[place + 3]))
        }
    }
    return nil
}
