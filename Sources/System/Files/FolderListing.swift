import Glibc

/// Items of a folder, as readdir(3) lists them, in the order of their bytes.
package struct FolderListing {
    /// Item of a folder.
    package struct Item: Equatable, Sendable {
        /// What it is, links followed.
        package enum Kind: Equatable, Sendable {
            case file
            case folder
            /// A pipe, a device or a socket; or a link that leads nowhere.
            case other
        }

        package let name: [UInt8]
        package let kind: Kind
    }

    package let items: [Item]
    /// Device and number of the folder, by which it is known again whatever path leads to it.
    package let identity: SIMD2<UInt64>

    /// Most items of a folder that are listed.
    package static let mostItems = 1 << 26

    /// Lists the folder at `path`; nil when something else is there.
    /// - Parameter limit: most items.
    /// - Throws: ``SystemError``; of `E2BIG` for more items than `limit`.
    package init?(_ path: FilePath, limit: Int = mostItems) throws(SystemError) {
        let number = unsafe path.withCString {
            unsafe open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        }
        guard number >= 0 else { throw SystemError() }
        var status = stat()
        guard unsafe fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            let error = SystemError()
            let isOther = status.st_mode != 0
            close(number)
            if isOther { return nil }
            throw error
        }
        identity = [UInt64(status.st_dev), UInt64(status.st_ino)]
        guard let stream = unsafe fdopendir(number) else {
            let error = SystemError()
            close(number)
            throw error
        }
        defer { unsafe closedir(stream) }
        var items: [Item] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw SystemError() }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe UnsafeRawPointer(pointer).withMemoryRebound(to: UInt8.self, capacity: 256) {
                    unsafe Array(UnsafeBufferPointer(start: $0, count: strnlen($0, 256)))
                }
            }
            if name == [0x2e] || name == [0x2e, 0x2e] { continue }
            guard items.count < limit else { throw SystemError(E2BIG) }
            let kind: Item.Kind =
                switch unsafe Int(entry.pointee.d_type) {
                case Int(DT_REG): .file
                case Int(DT_DIR): .folder
                case Int(DT_LNK), Int(DT_UNKNOWN): Self.kind(of: path.appending(name))
                default: .other
                }
            items.append(Item(name: name, kind: kind))
        }
        self.items = items.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private static func kind(of path: FilePath) -> Item.Kind {
        var status = stat()
        guard unsafe path.withCString({ unsafe stat($0, &status) }) == 0 else { return .other }
        return switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: .other
        }
    }
}
