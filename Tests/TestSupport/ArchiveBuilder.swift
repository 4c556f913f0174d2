/// Archives for tests, sound ones and others.
public enum ArchiveBuilder {
    /// Tape archive of files, by name, and two blocks of zeros.
    public static func tar(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        files.flatMap { tarEntry($0.name, $0.bytes) } + [UInt8](repeating: 0, count: 1024)
    }

    /// Header and contents of a file, in whole blocks.
    /// - Parameters:
    ///   - type: `0` a file, `5` a folder, `2` a link, `x` a pax header, `L` a long name of GNU's.
    ///   - size: what the header says; nil for the truth.
    public static func tarEntry(
        _ name: String, _ bytes: [UInt8], type: Character = "0", size: [UInt8]? = nil, prefix: String = "",
        magic: String = "ustar\0"
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ field: some Collection<UInt8>, _ offset: Int) {
            header.replaceSubrange(offset..<offset + field.count, with: field)
        }
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
        }
        put(Array(name.utf8.prefix(100)), 0)
        put(octal(0o644, 7), 100)
        put(size ?? octal(bytes.count, 11), 124)
        put([type.asciiValue!], 156)
        put(Array(magic.utf8) + Array("00".utf8), 257)
        put(Array(prefix.utf8), 345)
        put([UInt8](repeating: 0x20, count: 8), 148)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + [0, 0x20], 148)
        return header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    /// Record of a pax header, `LENGTH KEY=VALUE\n`.
    public static func paxRecord(_ key: String, _ value: String) -> [UInt8] {
        let rest = " \(key)=\(value)\n".utf8.count
        let length = (1...20).map { rest + $0 }.first { String($0).utf8.count == $0 - rest }!
        return Array("\(length) \(key)=\(value)\n".utf8)
    }

    /// File of a ZIP archive.
    public struct ZipFile {
        public var name: [UInt8]
        /// What it unfolds to, by what the archive says.
        public var size: Int
        public var checksum: UInt32
        /// Bytes as they are stored.
        public var stored: [UInt8]
        /// 0 stored, 8 deflated.
        public var method = 8
        /// Bit 0: encrypted; bit 11: the name is UTF-8.
        public var flags = 0
        /// System that made the archive, 0 MS-DOS, 3 Unix; and the file's mode there.
        public var (system, mode) = (0, 0)
        /// Fields of the directory's record.
        public var extra: [UInt8] = []

        public init(name: String, size: Int, checksum: UInt32, stored: [UInt8]) {
            self.name = Array(name.utf8)
            self.size = size
            self.checksum = checksum
            self.stored = stored
        }
    }

    /// ZIP archive.
    /// - Parameters:
    ///   - isLarge: whether sizes and places stand in fields of 64 bits.
    ///   - sharesFirst: whether all entries of the directory lead to the first file's bytes.
    public static func zip(
        _ files: [ZipFile], isLarge: Bool = false, sharesFirst: Bool = false, comment: String = ""
    ) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let all = 0xffff_ffff
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        for file in files {
            let offset = sharesFirst ? 0 : bytes.count
            let name = file.name
            let common =
                number(file.flags, 2) + number(file.method, 2) + number(0, 4) + number(Int(file.checksum), 4)
            let sizes = number(file.stored.count, 4) + number(file.size, 4)
            if !sharesFirst || bytes.isEmpty {
                bytes += number(0x0403_4b50, 4) + number(20, 2) + common + sizes + number(name.count, 2) + number(0, 2)
                bytes += name + file.stored
            }
            let extra =
                isLarge
                ? number(1, 2) + number(24, 2) + number(file.size, 8) + number(file.stored.count, 8)
                    + number(offset, 8) : file.extra
            directory += number(0x0201_4b50, 4) + [20, UInt8(file.system)] + number(20, 2) + common
            directory += isLarge ? number(all, 4) + number(all, 4) : sizes
            directory += number(name.count, 2) + number(extra.count, 2) + number(0, 6)
            directory += number(0, 2) + number(file.mode, 2)
            directory += number(isLarge ? all : offset, 4) + name + extra
        }
        let start = bytes.count
        bytes += directory
        if isLarge {
            let record = bytes.count
            bytes += number(0x0606_4b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8)
            bytes += number(files.count, 8) + number(files.count, 8) + number(directory.count, 8) + number(start, 8)
            bytes += number(0x0706_4b50, 4) + number(0, 4) + number(record, 8) + number(1, 4)
        }
        bytes += number(0x0605_4b50, 4) + number(0, 4)
        let count = isLarge ? 0xffff : files.count
        bytes += number(count, 2) + number(count, 2) + number(directory.count, 4) + number(isLarge ? all : start, 4)
        return bytes + number(comment.utf8.count, 2) + Array(comment.utf8)
    }
}
