import Synchronization

/// The keys in force, which may be exchanged while requests are answered.
public final class KeyRing: Sendable {
    private let file: Mutex<KeyFile>
    /// The time now, in seconds since 1970.
    let now: @Sendable () -> Int

    /// The keys of `file`.
    /// - Parameter now: the time, in seconds since 1970, by which keys expire.
    public init(_ file: KeyFile, now: @escaping @Sendable () -> Int) {
        self.file = Mutex(file)
        self.now = now
    }

    /// Puts the keys of `file` into force, in place of all others.
    public func replace(with file: KeyFile) {
        self.file.withLock { $0 = file }
    }

    /// Number of keys in force.
    public var count: Int { file.withLock(\.count) }

    /// The key of `hash`, expired or not; nil when there is none. Compares with every key, without an early end.
    package func find(_ hash: KeyHash) -> APIKey? {
        let file = file.withLock { $0 }
        var place: UInt64 = 0
        for index in 0..<file.hashes.count {
            place |= UInt64(index + 1) & (0 &- file.hashes[index].matches(hash))
        }
        return place == 0 ? nil : file.keys[Int(place) - 1]
    }
}
