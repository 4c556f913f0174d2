import Synchronization

/// Account of what the holder of a key has used, one for all its connections.
package final class RateAccount: Sendable {
    /// Name of the key.
    let keyName: String
    /// Rates that the key has, its own and those for all.
    let rates: [RateKind: Rate]
    private let clock: @Sendable () -> UInt64
    private let buckets: Mutex<[RateKind: TokenBucket]>

    /// - Parameter clock: the time in nanoseconds.
    init(keyName: String, rates: [RateKind: Rate], clock: @escaping @Sendable () -> UInt64) {
        self.keyName = keyName
        self.rates = rates
        self.clock = clock
        let now = clock()
        buckets = Mutex(rates.mapValues { TokenBucket($0, at: now) })
    }

    /// Takes a request, when there is something left of every kind; of the others nothing is taken.
    /// - Throws: the refusal with the longest wait.
    func begin() throws(RateRefusal) {
        let now = clock()
        let refusal = buckets.withLock { buckets -> RateRefusal? in
            var longest: RateRefusal?
            for kind in RateKind.allCases {
                guard let wait = buckets[kind]?.wait(at: now), wait > longest?.wait ?? 0 else { continue }
                longest = self.refusal(of: kind, wait, buckets)
            }
            if longest == nil { _ = buckets[.requests]?.take(1, at: now) }
            return longest
        }
        if let refusal { throw refusal }
    }

    /// Takes `amount` of `kind`, 0 or more.
    func take(_ kind: RateKind, _ amount: Int) throws(RateRefusal) {
        if amount == 0 { return }
        let now = clock()
        let refusal = buckets.withLock { buckets -> RateRefusal? in
            guard let wait = buckets[kind]?.take(amount, at: now) else { return nil }
            return self.refusal(of: kind, wait, buckets)
        }
        if let refusal { throw refusal }
    }

    /// The refusal that ``take(_:_:)`` would throw now; nil for none.
    func refusal(of kind: RateKind) -> RateRefusal? {
        let now = clock()
        return buckets.withLock { buckets -> RateRefusal? in
            guard let wait = buckets[kind]?.wait(at: now) else { return nil }
            return refusal(of: kind, wait, buckets)
        }
    }

    /// Puts back what was taken and not used.
    func putBack(_ kind: RateKind, _ amount: Int) { buckets.withLock { $0[kind]?.putBack(amount) } }

    private func refusal(
        of kind: RateKind, _ wait: UInt64, _ buckets: [RateKind: TokenBucket]
    ) -> RateRefusal? {
        buckets[kind].map {
            RateRefusal(keyName: keyName, kind: kind, rate: $0.rate, overdraft: $0.overdraft, wait: wait)
        }
    }
}

/// Reason why a request is refused whose key has used what it may.
struct RateRefusal: Error, Equatable, Sendable {
    var keyName: String
    var kind: RateKind
    var rate: Rate
    /// Number used beyond what the rate gave.
    var overdraft: Int
    /// Nanoseconds until there is room again.
    var wait: UInt64

    /// Time until there is room again.
    var duration: Duration { .nanoseconds(Int64(clamping: wait)) }
}
