internal import FlowCore
internal import Imaging
internal import System

/// Collector of the images of a source: decodes them, keeps their pixels, and counts what is not used.
package final class DataSink {
    /// Options of the reading.
    package let options: DataOptions
    /// Splits that are wanted; ``Split/all`` wants everything.
    private let wanted: Set<Split>
    /// Splits that have data of their own; nil when only the reading tells.
    private let present: Set<Split>?
    private let reader: PictureReader

    /// Facts of an image that is kept.
    struct Entry {
        var split: Split?
        var label: DataItem.Label?
        var digest: UInt64
        /// Path in a tree, where that says split and label.
        var path: [UInt8]?
    }

    private(set) var entries: [Entry] = []
    /// Count of the images of each shape, and the name of the first.
    private(set) var shapes: [EventShape: (count: Int, first: String)] = [:]
    private(set) var shape: EventShape?
    package private(set) var unused = UnusedEntries()
    private(set) var bad = BadEntries()
    /// Images whose size or colour mode was changed.
    private(set) var converted = 0
    /// Images of one colour.
    private(set) var constant = 0
    /// Names of the classes, where the source has a list.
    private(set) var classNames: [String]?
    /// Largest and smallest number of a class that some split has, read or not.
    private(set) var classNumbers: ClosedRange<Int>?
    /// Digests of all images, kept or not.
    private(set) var digests: [UInt64] = []
    private var store: PixelStoreBuilder?

    /// Items that wait to be decoded, all at once.
    private var waiting: [DataItem] = []
    private var waitingBytes = 0
    private var reported = 0

    /// Most images that wait.
    private static let mostWaiting = 1024
    /// Most bytes of files that wait to be decoded.
    private static let mostWaitingBytes = 64 << 20

    init(wanted: Set<Split>, present: Set<Split>?, options: DataOptions) {
        (self.options, self.wanted, self.present) = (options, wanted, present)
        reader = PictureReader(options: options)
        store = PixelStoreBuilder(memory: options.memory, folder: FilePath(options.scratch))
    }

    /// Adds an image.
    /// - Throws: ``DataError`` when nothing more can be read; what is wrong with one image is counted.
    package func put(_ item: DataItem) throws(DataError) {
        switch item.content {
        case .levels(let levels, _): waitingBytes += levels.count
        case .picture(let bytes): waitingBytes += bytes.count
        case .file: break
        }
        waiting.append(item)
        let most = if case .levels = item.content { Self.mostWaiting } else { 16 * options.threads }
        if waiting.count >= most || waitingBytes >= Self.mostWaitingBytes { try decodeWaiting() }
    }

    /// Counts a file that is not used, for a reason that stands for itself.
    package func leaveOut(reason: String) { unused.add(reason: reason) }

    /// Counts a file that is not used, for its name, without its folders.
    package func leaveOut(name: String) { unused.add(name: name) }

    /// Counts files that are not used.
    package func leaveOut(_ entries: UnusedEntries) { unused.add(entries) }

    /// Counts a file that cannot be used, such as one that a list names and that is not there.
    package func refuse(_ error: DataError) { bad.add(error) }

    /// Says the names of all classes, in the order of their numbers.
    package func setClasses(_ names: [String]) { classNames = names }

    /// Says that some split has an image of class number `number`.
    package func note(classNumber number: Int) {
        let known = classNumbers ?? number...number
        classNumbers = min(known.lowerBound, number)...max(known.upperBound, number)
    }

    /// Whether pixels have gone to a file.
    var isInFile: Bool { store?.isInFile ?? false }

    /// Ends the keeping of pixels.
    /// - Returns: the pixels of all ``entries``.
    /// - Throws: ``DataError/noScratch(folder:reason:)``.
    func finishedStore() throws(DataError) -> PixelStore {
        let store = store.take()
        guard let store else { preconditionFailure("finished once") }
        return try store.finished()
    }

    private func decodeWaiting() throws(DataError) {
        let items = waiting
        (waiting, waitingBytes) = ([], 0)
        let reader = reader
        let results: [Result<PictureReader.Row, DataError>]
        do {
            results = try mapInParallel(items.count, threads: options.threads) { index in
                Result { () throws(DataError) in try reader.row(of: items[index]) }
            }
        } catch { preconditionFailure("results do not fail") }
        for (item, result) in zip(items, results) {
            switch result {
            case .success(let row): try keep(row, of: item)
            case .failure(let error): bad.add(error)
            }
        }
        if let progress = options.progress, digests.count - reported >= 1000 {
            reported = digests.count
            progress(reported)
        }
    }

    private func keep(_ row: PictureReader.Row, of item: DataItem) throws(DataError) {
        shapes[row.shape, default: (0, item.name)].count += 1
        shape = shape ?? row.shape
        // Of images of several shapes only the numbers are wanted.
        guard row.shape == shape, shapes.count == 1 else { return }
        if row.isConverted { converted += 1 }
        if isConstant(row.pixels, row.shape) { constant += 1 }
        let digest = splitDigest(of: row.pixels, shape: row.shape)
        digests.append(digest)
        var entry = Entry(split: nil, label: nil, digest: digest, path: nil)
        switch item.origin {
        case .said(let label, let split):
            (entry.label, entry.split) = (label, split)
            if case .number(let number)? = label { note(classNumber: number) }
        case .tree(let path): entry.path = path
        }
        // Where splits are cut by content it is known at once who has the image.
        if present == [], !wanted.contains(.all), !wanted.contains(Split.cut(digest, present: [])) { return }
        try store?.append(row.pixels)
        entries.append(entry)
    }

    private func isConstant(_ pixels: [UInt8], _ shape: EventShape) -> Bool {
        let channels = shape.channels
        return pixels.indices.allSatisfy { pixels[$0] == pixels[$0 % channels] }
    }

    /// Decodes what still waits.
    /// - Throws: ``DataError``: that of the only bad entry; ``DataError/badEntries(file:entries:)`` for several, unless they are to be
    ///   skipped; ``DataError/mixedShapes(file:shapes:)``.
    func finish(path: String) throws(DataError) {
        try decodeWaiting()
        if !options.skipsBad, bad.count > 0 {
            if bad.count == 1 { throw bad.first[0] }
            throw .badEntries(file: path, entries: bad)
        }
        guard shapes.count > 1 else { return }
        let order = shapes.sorted { ($1.value.count, $0.value.first) < ($0.value.count, $1.value.first) }
        throw .mixedShapes(
            file: path,
            shapes: order.map {
                DataError.ShapeCount(shape: $0.key, count: $0.value.count, first: $0.value.first)
            })
    }
}
