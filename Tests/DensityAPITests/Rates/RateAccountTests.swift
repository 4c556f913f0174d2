@testable import DensityAPI
import TestSupport
import Testing

@Suite("Rate account")
struct RateAccountTests {
    private let now = Locked<UInt64>(0)

    private func account(_ rates: [RateKind: Rate]) -> RateAccount {
        RateAccount(keyName: "gate", rates: rates) { [now] in now.value }
    }

    /// Why a request may not begin; nil when it has begun.
    private func begin(_ account: RateAccount) -> RateRefusal? {
        do throws(RateRefusal) { try account.begin() } catch { return error }
        return nil
    }

    /// Why `amount` may not be taken; nil when it was.
    private func take(_ kind: RateKind, _ amount: Int, of account: RateAccount) -> RateRefusal? {
        do throws(RateRefusal) { try account.take(kind, amount) } catch { return error }
        return nil
    }

    @Test(
        "lets a request begin while something is left of every kind, and names the kind that it has to wait for longest"
    )
    func begin() throws {
        let account = account([
            .requests: Rate(10, per: .second, burst: 3), .rows: Rate(1, per: .minute), .bytes: Rate(1, per: .second),
        ])
        #expect(begin(account) == nil)
        #expect(take(.rows, 2, of: account) == nil && take(.bytes, 100, of: account) == nil)
        let first = try #require(begin(account))
        #expect(first.kind == .rows && first.wait == 120_000_000_000 && first.overdraft == 1 && first.keyName == "gate")
        now.change { $0 = 99_000_000_000 }
        #expect(begin(account)?.kind == .rows)
        now.change { $0 = 120_000_000_000 }
        // refused requests took nothing: after a rest all three are there
        for _ in 0..<3 { #expect(begin(account) == nil) }
        #expect(begin(account)?.kind == .requests)
    }

    @Test("has no limit of a kind without a rate")
    func unlimited() {
        let account = account([.rows: Rate(1, per: .hour)])
        for _ in 0..<1000 {
            #expect(begin(account) == nil)
            #expect(take(.bytes, .max, of: account) == nil)
        }
        #expect(account.refusal(of: .bytes) == nil)
    }

    @Test("takes nothing of nothing, also when it is used up")
    func nothing() {
        let account = account([.bytes: Rate(1, per: .hour)])
        #expect(take(.bytes, 1000, of: account) == nil)
        #expect(take(.bytes, 0, of: account) == nil)
        #expect(take(.bytes, 1, of: account)?.overdraft == 999)
    }

    @Test("is one for all threads: of many at once no more pass than the burst")
    func threads() async {
        let account = account([.requests: Rate(1, per: .hour, burst: 50)])
        let passed = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<400 {
                group.addTask { if (try? account.begin()) != nil { passed.change { $0 += 1 } } }
            }
        }
        #expect(passed.value == 50)
    }
}

@Suite("Rates of keys")
struct KeyRateTests {
    private let tokens = (0..<3).map { _ in KeyToken.random() }

    private func line(_ index: Int, _ more: String = "", name: String? = nil) -> String {
        KeyFile.line(name: name ?? "k\(index)", scopes: [.score], token: tokens[index], expiry: nil) + " " + more
    }

    private func account(_ ring: KeyRing, _ index: Int) -> RateAccount? {
        ring.find(KeyHash(ofToken: tokens[index]))?.account
    }

    @Test("are the key's own, and kind by kind those for all keys, unless it has none by name")
    func defaults() throws {
        let file = try KeyFile(
            [line(0), line(1, "rows=5/s bytes=none"), line(2, "requests=none")].joined(separator: "\n"))
        let limits: RateLimits = [.requests: .rate(Rate(1, per: .second)), .bytes: .rate(Rate(9, per: .hour))]
        let ring = KeyRing(file, limits: limits, now: { 0 })
        #expect(account(ring, 0)?.rates == [.requests: Rate(1, per: .second), .bytes: Rate(9, per: .hour)])
        #expect(account(ring, 1)?.rates == [.requests: Rate(1, per: .second), .rows: Rate(5, per: .second)])
        #expect(account(ring, 2)?.rates == [.bytes: Rate(9, per: .hour)])
        let open = KeyRing(try KeyFile(line(0)), now: { 0 })
        #expect(open.find(KeyHash(ofToken: tokens[0])) != nil && account(open, 0) == nil)
    }

    @Test("an account goes on over an exchange of the file while hash, name and limits are the same")
    func exchanged() throws {
        let ring = KeyRing(
            try KeyFile([line(0, "rows=5/s"), line(1)].joined(separator: "\n")),
            limits: [.requests: .rate(Rate(1, per: .hour))], now: { 0 })
        let (first, second) = (try #require(account(ring, 0)), try #require(account(ring, 1)))
        // another place, scopes and expiry, and a limit written otherwise
        ring.replace(
            with: try KeyFile(
                [line(2), line(1), line(0, "2199-01-01 rows=5/s,burst=5")].joined(separator: "\n")))
        #expect(account(ring, 0) === first && account(ring, 1) === second)
        ring.replace(with: try KeyFile([line(0, "rows=6/s"), line(1, name: "other")].joined(separator: "\n")))
        #expect(account(ring, 0) !== first && account(ring, 0)?.rates[.rows] == Rate(6, per: .second))
        #expect(account(ring, 1) !== second && account(ring, 2) == nil)
    }
}
