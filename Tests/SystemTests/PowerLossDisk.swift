import Glibc
import System

extension SystemError {
    static let noSpace = SystemError(ENOSPC)
}

/// Disk in memory, of one folder, that remembers in which order it was written to, and what of that a loss of power may leave: of all
/// that is not synchronized any part, and of each piece of a file none, its first half or all.
final class PowerLossDisk: FileOperations {
    enum Synchronization {
        case file
        case folder
    }

    /// Change of the disk; files have numbers of their own, which names are given to.
    private enum Change {
        case named(String, file: Int)
        case renamed(String, to: String)
        case removed(String)
        case emptied(file: Int)
        case written([UInt8], at: Int, file: Int)
        case synchronized(file: Int)
        case synchronizedFolder

        /// File whose synchronization makes the change last; nil for one of the folder.
        var file: Int? {
            switch self {
            case .emptied(let file), .written(_, _, let file): file
            default: nil
            }
        }

        var isSynchronization: Bool {
            switch self {
            case .synchronized, .synchronizedFolder: true
            default: false
            }
        }
    }

    /// Files and names, as who reads them now sees them.
    private struct State {
        var names: [String: Int] = [:]
        var files: [Int: [UInt8]] = [:]

        mutating func apply(_ change: Change) {
            switch change {
            case .named(let name, let file):
                names[name] = file
                files[file] = files[file] ?? []
            case .renamed(let old, let new): names[new] = names.removeValue(forKey: old) ?? names[new]
            case .removed(let name): names[name] = nil
            case .emptied(let file): files[file] = []
            case .written(let bytes, let offset, let file):
                var contents = files[file] ?? []
                // what was to stand before it and was lost reads as zeros
                if contents.count < offset { contents += Array(repeating: 0, count: offset - contents.count) }
                contents.replaceSubrange(offset..<min(contents.count, offset + bytes.count), with: bytes)
                files[file] = contents
            case .synchronized, .synchronizedFolder: break
            }
        }
    }

    private var start = State()
    private var now = State()
    private var changes: [Change] = []
    private let ignored: Set<Synchronization>
    /// Number of files that are open.
    private(set) var open = 0
    /// Number of calls so far that may fail.
    private(set) var calls = 0
    /// Number of the call, from 0, that finds no space.
    var failingCall: Int?

    /// - Parameter ignored: what the disk says it has synchronized, and has not.
    init(ignoring ignored: Set<Synchronization> = []) { self.ignored = ignored }

    /// Count of the changes so far.
    var count: Int { changes.count }
    var names: [String] { now.names.keys.sorted() }
    func contents(_ name: String) -> [UInt8]? { now.names[name].flatMap { now.files[$0] } }

    /// Puts a file on the disk, for good.
    func preset(_ name: String, _ bytes: [UInt8]) {
        now.names[name] = now.files.count
        now.files[now.files.count] = bytes
        start = now
    }

    /// Returns every disk that there may be after a loss of power when the first `moment` changes were made.
    func crashes(after moment: Int) -> [PowerLossDisk] {
        let made = changes[..<moment]
        let isLasting = made.indices.map { i in
            made[i...].contains { later in
                switch later {
                case .synchronized(let file): made[i].file == file
                case .synchronizedFolder: made[i].file == nil
                default: false
                }
            }
        }
        let open = made.indices.filter { !isLasting[$0] && !made[$0].isSynchronization }
        return (0..<1 << open.count).map { kept in
            let disk = PowerLossDisk(ignoring: ignored)
            disk.now = start
            for i in made.indices where isLasting[i] || open.firstIndex(of: i).map({ kept >> $0 & 1 == 1 }) == true {
                disk.now.apply(made[i])
            }
            disk.start = disk.now
            return disk
        }
    }

    private func change(_ change: Change) {
        changes.append(change)
        now.apply(change)
    }

    private func call() throws(SystemError) {
        calls += 1
        if calls - 1 == failingCall { throw .noSpace }
    }

    func create(_ path: String, like model: String) throws(SystemError) -> Int32 {
        try call()
        let file = now.names[path] ?? now.files.count
        if now.names[path] == nil { change(.named(path, file: file)) }
        change(.emptied(file: file))
        open += 1
        return Int32(file)
    }

    func append(_ bytes: [UInt8], to file: Int32) throws(SystemError) {
        try call()
        let (file, middle) = (Int(file), bytes.count / 2)
        for part in [bytes[..<middle], bytes[middle...]] where !part.isEmpty {
            change(.written(Array(part), at: now.files[file]?.count ?? 0, file: file))
        }
    }

    func synchronize(_ file: Int32) throws(SystemError) {
        try call()
        if !ignored.contains(.file) { change(.synchronized(file: Int(file))) }
    }

    func rename(_ old: String, to new: String) throws(SystemError) {
        try call()
        change(.renamed(old, to: new))
    }

    func synchronizeFolder(of path: String) throws(SystemError) {
        try call()
        if !ignored.contains(.folder) { change(.synchronizedFolder) }
    }

    func remove(_ path: String) { change(.removed(path)) }
    func close(_ file: Int32) { open -= 1 }
}
