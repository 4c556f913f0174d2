import DensityAPI
import HTTPTypes
import TestSupport

/// A ring with a key for each of some scopes, called as they are, on a day of its own.
final class TestKeys: Sendable {
    /// Seconds since 1970; 2026-11-25.
    let now = Locked(1_795_564_800)
    /// Nanoseconds of the clock by which use is limited.
    let clock = Locked<UInt64>(0)
    let tokens: [Scope: String]
    let ring: KeyRing

    /// Always has a key without use, called `other`, so that there is one.
    /// - Parameter limits: limits of every key.
    init(_ scopes: [Scope], expiry: String? = nil, limits: RateLimits = [:]) throws {
        var tokens: [Scope: String] = [:]
        var lines = [KeyFile.line(name: "other", scopes: [.metrics], token: KeyToken.random(), expiry: nil)]
        for scope in scopes {
            let token = KeyToken.random()
            tokens[scope] = token
            lines.append(KeyFile.line(name: scope.rawValue, scopes: [scope], token: token, expiry: expiry))
        }
        self.tokens = tokens
        ring = KeyRing(
            try KeyFile(lines.joined(separator: "\n")), limits: limits, now: { [now] in now.value },
            clock: { [clock] in clock.value })
    }

    func fields(_ scope: Scope) -> HTTPFields { [.authorization: "Bearer \(tokens[scope] ?? "")"] }
}
