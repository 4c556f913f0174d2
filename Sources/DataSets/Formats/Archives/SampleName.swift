internal import System

/// Name of a file of a sample, as webdataset takes it apart: the sample's key up to the first dot behind the last slash, and what the
/// file has of the sample behind it, in lower case.
///
/// Source: webdataset 1.0.2, `tariterators.base_plus_ext` and `group_by_keys`.
struct SampleName: Equatable {
    let key: FileName
    /// Such as `jpg`, `cls` or `seg.png`.
    let part: String

    /// Nil for a name without a dot, one that begins with a dot behind its last slash, and those that describe the archive,
    /// `__…__`.
    init?(_ name: FileName) {
        let bytes = name.bytes
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        guard let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")), dot > start else { return nil }
        let first = bytes.split(separator: UInt8(ascii: "/"), maxSplits: 1).first ?? []
        if first.starts(with: "__".utf8), first.count > 4, first.suffix(2).elementsEqual("__".utf8) { return nil }
        key = FileName(bytes[..<dot])
        part = String(decoding: bytes[(dot + 1)...], as: UTF8.self).lowercased()
    }

    /// Whether the file holds the sample's class.
    var isLabel: Bool { ["cls", "class"].contains(part) || part.hasSuffix(".cls") }

    /// Whether the file is a JSON text about the sample.
    var isJSON: Bool { ["json", "jsn"].contains(part) || part.hasSuffix(".json") }
}
