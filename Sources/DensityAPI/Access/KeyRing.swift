import Synchronization
import System

/// The keys in force, which may be exchanged while requests are answered.
public final class KeyRing: Sendable {
    /// Keys of a file, and what their holders have used.
    private struct Keys {
        var file: KeyFile
        /// Accounts of the keys, by the same index; nil for a key that is not limited.
        var accounts: [RateAccount?]
    }

    private let keys: Mutex<Keys>
    /// Limits of keys that have none of their own.
    private let limits: RateLimits
    /// The time now, in seconds since 1970.
    let now: @Sendable () -> Int
    private let clock: @Sendable () -> UInt64

    /// The keys of `file`.
    /// - Parameters:
    ///   - limits: limits of keys that have none of their own, kind by kind.
    ///   - now: the time, in seconds since 1970, by which keys expire.
    ///   - clock: the time, in nanoseconds, by which use is limited; the monotonic clock without.
    public init(
        _ file: KeyFile, limits: RateLimits = [:], now: @escaping @Sendable () -> Int,
        clock: (@Sendable () -> UInt64)? = nil
    ) {
        self.limits = limits
        self.now = now
        self.clock = clock ?? { monotonicNow() }
        keys = Mutex(Keys(file: file, accounts: []))
        replace(with: file)
    }

    /// Puts the keys of `file` into force, in place of all others. The account of a key that has the name and the limits that it had goes on.
    public func replace(with file: KeyFile) {
        keys.withLock { keys in
            let old = Dictionary(uniqueKeysWithValues: zip(keys.file.hashes, keys.accounts))
            let accounts = zip(file.keys, file.hashes).map { key, hash -> RateAccount? in
                let rates = rates(of: key)
                guard !rates.isEmpty else { return nil }
                if let account = old[hash] ?? nil, account.keyName == key.name, account.rates == rates {
                    return account
                }
                return RateAccount(keyName: key.name, rates: rates, clock: clock)
            }
            keys = Keys(file: file, accounts: accounts)
        }
    }

    /// Rates of `key`: its own limits, and for kinds without one those of all keys.
    private func rates(of key: APIKey) -> [RateKind: Rate] {
        limits.merging(key.limits) { $1 }.compactMapValues { limit in
            if case .rate(let rate) = limit { rate } else { nil }
        }
    }

    /// Number of keys in force.
    public var count: Int { keys.withLock(\.file.count) }

    /// Key of `hash`, expired or not, and its account if it is limited; nil when there is none. Compares with every key, without an early end.
    package func find(_ hash: KeyHash) -> (key: APIKey, account: RateAccount?)? {
        let keys = keys.withLock { $0 }
        var place: UInt64 = 0
        for index in 0..<keys.file.hashes.count {
            place |= UInt64(index + 1) & (0 &- keys.file.hashes[index].matches(hash))
        }
        guard place > 0 else { return nil }
        let index = Int(place) - 1
        return (keys.file.keys[index], keys.accounts[index])
    }
}
