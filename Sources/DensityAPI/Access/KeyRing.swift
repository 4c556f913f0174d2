import Synchronization

/// The keys in force, which may be exchanged while requests are answered.
public final class KeyRing: Sendable {
    private let file: Mutex<KeyFile>
    /// Seconds since 1970.
    let now: @Sendable () -> Int

    /// - Parameter now: seconds since 1970, by which keys expire.
    public init(_ file: KeyFile, now: @escaping @Sendable () -> Int) {
        self.file = Mutex(file)
        self.now = now
    }

    /// From now on only these are in force.
    public func replace(with file: KeyFile) {
        self.file.withLock { $0 = file }
    }

    /// How many keys there are.
    public var count: Int { file.withLock(\.count) }

    /// The key of this hash, expired or not. Compares with every key, without an early end.
    func find(_ hash: KeyHash) -> APIKey? {
        let file = file.withLock { $0 }
        var place: UInt64 = 0
        for index in 0..<file.hashes.count {
            place |= UInt64(index + 1) & (0 &- file.hashes[index].matches(hash))
        }
        return place == 0 ? nil : file.keys[Int(place) - 1]
    }
}
