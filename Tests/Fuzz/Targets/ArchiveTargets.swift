import Archives
import Arrow
import DataSets
import FlowCore
import Imaging
import System

/// Small enough that an input takes a millisecond.
private let limits = ArchiveLimits(unpackedBytes: 1 << 16, entries: 64, nameBytes: 64, ratio: 100)

/// What reading an archive to its end gives.
private struct Reading: Equatable {
    var names: [FileName] = []
    var contents: [[UInt8]] = []
    var kinds: [String] = []
    var hasFailed = false
    var bytes = 0
}

/// Reads every second file, or all, to its end, and passes over the others.
private func read(_ archive: any ArchiveReader, skipping: Bool) throws -> Reading {
    var reading = Reading()
    do throws(ArchiveError) {
        while let entry = try archive.next() {
            reading.names.append(entry.name)
            if case .other(let kind) = entry.contents { reading.kinds.append(kind) }
            if skipping, reading.names.count % 2 == 0 { continue }
            do throws(ArchiveError) {
                reading.contents.append(try entry.bytes().rest(limit: 1 << 20))
            } catch {
                reading.contents.append([])
                reading.hasFailed = true
            }
        }
    } catch {
        reading.hasFailed = true
    }
    reading.bytes = reading.contents.reduce(0) { $0 + $1.count }
    try require(reading.names.count <= limits.entries, "\(reading.names.count) entries")
    try require(reading.names.allSatisfy { $0.bytes.count <= limits.nameBytes }, "a name beyond its limit")
    try require(reading.bytes <= limits.unpackedBytes, "\(reading.bytes) bytes")
    return reading
}

/// A reader that gets `bytes` in pieces.
private func reader(_ bytes: [UInt8], seed: Int) -> ByteReader {
    var pieces = split(bytes, seed: seed)[...]
    return ByteReader { pieces.popFirst() ?? [] }
}

/// A tape archive: the same however it is cut, within its limits, and to pass over files changes no other.
@Sendable func fuzzTar(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let seed = input.number()
    let content = input.takeAll()
    let whole = try read(TarReader(ByteReader(content), limits: limits), skipping: false)
    let cut = try read(TarReader(reader(content, seed: seed), limits: limits), skipping: false)
    try require(whole == cut, "cut in pieces it is another archive")
    let skipped = try read(TarReader(ByteReader(content), limits: limits), skipping: true)
    try require(skipped.names == whole.names, "passing over a file changes others")
    if TarReader.recognizes(content[...]) { _ = try OpenedFile.start(of: ByteReader(content)) }
}

/// A ZIP archive, by its directory and as a stream: within limits; the stream the same however it is cut.
@Sendable func fuzzZip(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let seed = input.number()
    let content = input.takeAll()
    if let archive = try? ZipReader(RandomAccessFile(content), limits: limits) {
        _ = try read(archive, skipping: false)
    }
    let whole = try read(ZipStreamReader(ByteReader(content), limits: limits), skipping: false)
    let cut = try read(ZipStreamReader(reader(content, seed: seed), limits: limits), skipping: false)
    try require(whole.names == cut.names && whole.hasFailed == cut.hasFailed, "cut in pieces it is another archive")
    try require(whole.hasFailed || whole == cut, "cut in pieces its files are others")
}

/// An Arrow file or stream: the same values from a file's any part, from a stream, and from one in pieces.
@Sendable func fuzzArrow(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let seed = input.number()
    let content = input.takeAll()
    func values(_ bytes: ByteReader, _ file: RandomAccessFile?) throws -> [ArrowValue?]? {
        var values: [ArrowValue?] = []
        func add(_ column: ArrowColumn, _ rows: Int) throws(ArchiveError) {
            for row in 0..<min(rows, column.count, 64) { values.append(try column.value(row)) }
            switch column.field.kind {
            case _ where column.field.dictionary != nil: break
            case .list, .fixedList:
                for row in 0..<min(rows, column.count, 64) {
                    let places = try column.list(row)
                    guard case .integer(_, _) = column.children[0].field.kind, places.count < 1 << 10,
                        column.children[0].field.dictionary == nil
                    else { continue }
                    values.append(.bytes(try column.children[0].numbers(places)))
                }
            default: break
            }
            for child in column.children { try add(child, rows) }
        }
        do throws(ArchiveError) {
            let reader = try ArrowReader(
                bytes, file: file, limits: ArrowLimits(batchBytes: 1 << 16, dictionaryValues: 64))
            var batches = 0
            while let batch = try reader.next(), batches < 64 {
                for column in batch.columns { try add(column, batch.count) }
                batches += 1
            }
            return values
        } catch {
            return nil
        }
    }
    let whole = try values(ByteReader(content), nil)
    try require(try values(reader(content, seed: seed), nil) == whole, "cut in pieces it is another stream")
    let file = RandomAccessFile(content)
    _ = try values(file.reader(), file)
}

/// A file and a stream as a data set, whatever the format is: the images are of one shape and have a level for each value, and labels
/// are classes.
@Sendable func fuzzData(_ bytes: [UInt8]) throws {
    let file = RandomAccessFile(bytes)
    try readData(file.reader(), file)
    try readData(ByteReader(bytes), nil)
}

private func readData(_ bytes: ByteReader, _ file: RandomAccessFile?) throws {
    var options = DataOptions(levels: 256)
    options.skipsBad = true
    (options.threads, options.memory, options.batchBytes) = (1, 1 << 20, 1 << 16)
    (options.archive, options.limits) = (limits, DecodeLimits(side: 128, pixels: 1 << 12))
    do throws(DataError) {
        let input = try DataInput(FilePath("file"), bytes, file: file)
        let data = try LoadedData(input, splits: [.all], options: options)
        let images = try data.images(.all)
        guard images.count > 0 else { throw DataError.noLabels(name: "an empty set is no error") }
        for index in 0..<min(images.count, 8) {
            let count = (try? images[index].count) ?? -1
            if count != images.shape.dims { throw DataError.noLabels(name: "image \(index) has \(count) values") }
        }
        let labels = images.labels ?? []
        if !labels.allSatisfy(images.classes.indices.contains) { throw DataError.noLabels(name: "a label of no class") }
    } catch {
        if case .noLabels(let reason) = error { throw Violation(reason) }
        try require(!error.description.isEmpty, "an error says nothing")
    }
}

/// Tables of paths and labels, and names of shards: the same however they are cut, within their limits.
@Sendable func fuzzTables(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let seed = input.number()
    let content = input.takeAll()
    let limits = DelimitedText.Limits(fieldBytes: 64, fields: 8, records: 32)
    func records(_ bytes: ByteReader) throws -> (records: [[[UInt8]]], error: ArchiveError?) {
        var records: [[[UInt8]]] = []
        do throws(ArchiveError) {
            var text = try DelimitedText(bytes, limits: limits)
            while let record = try text.record() { records.append(record) }
            return (records, nil)
        } catch {
            return (records, error)
        }
    }
    let whole = try records(ByteReader(content))
    let cut = try records(reader(content, seed: seed))
    try require(whole.records == cut.records && whole.error == cut.error, "cut in pieces it is another table")
    try require(whole.records.count <= limits.records, "more records than the limit")
    for record in whole.records {
        try require((1...limits.fields).contains(record.count), "\(record.count) fields")
        try require(record.allSatisfy { $0.count <= 2 * limits.fieldBytes }, "a field beyond its limit")
    }
    let text = String(decoding: content.prefix(40), as: UTF8.self)
    guard let names = try? ShardNames.expanded(text, limit: 256) else { return }
    try require(names.count <= 256, "\(names.count) names")
    if !ShardNames.isPattern(text), !text.isEmpty { try require(names == [text], "a plain name stands for \(names)") }
}
