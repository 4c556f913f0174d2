import HTTPTypes
import Serving

/// What a request takes of its key's account; takes nothing where the key is not limited.
struct RequestRates: Sendable {
    /// Account of the key; nil without a limit.
    var account: RateAccount?

    /// Takes the body that the head announces; one without a length, and one that will be refused for its length, takes nothing yet.
    /// - Returns: Whether the body is to be taken when it has come.
    func takeAnnounced(_ fields: HTTPFields, limit: Int) throws(RateRefusal) -> Bool {
        guard let account, account.rates[.bytes] != nil else { return false }
        guard let text = fields[.contentLength] else { return true }
        guard let length = Int(text), length <= limit else { return false }
        try account.take(.bytes, length)
        return false
    }

    /// Takes the bytes of a body that has come.
    func take(bytes: Int) throws(RateRefusal) { try account?.take(.bytes, bytes) }

    /// Result of `work` on so many rows, which are taken before, and put back when there is no room for the work.
    func charged<Output>(rows: Int, _ work: () async throws -> Output) async throws -> Output {
        try account?.take(.rows, rows)
        do {
            return try await work()
        } catch let error as ServingError where error.isForWantOfRoom {
            account?.putBack(.rows, rows)
            throw error
        }
    }

    // MARK: - Streams

    /// Most rows to take at once of a stream, so that it waits often and for a short time; nil for any number.
    var mostRows: Int? { account?.rates[.rows]?.burst }

    /// Takes bytes of a stream that have come, and waits first until there is room.
    /// - Throws: ``RateRefusal`` when that takes longer than `limit`; `CancellationError`.
    func take(bytes: Int, waiting limit: Duration) async throws {
        while let account {
            do throws(RateRefusal) {
                return try account.take(.bytes, bytes)
            } catch {
                try await Self.wait(for: error, limit)
            }
        }
    }

    /// Waits until there is room for rows of a stream.
    /// - Throws: as ``take(bytes:waiting:)``.
    func waitForRows(_ limit: Duration) async throws {
        while let refusal = account?.refusal(of: .rows) { try await Self.wait(for: refusal, limit) }
    }

    private static func wait(for refusal: RateRefusal, _ limit: Duration) async throws {
        guard refusal.duration <= limit else { throw refusal }
        try await Task.sleep(for: refusal.duration)
    }
}

extension ServingError {
    /// Whether the request was turned away before anything of it ran.
    fileprivate var isForWantOfRoom: Bool {
        switch self {
        case .queueFull, .tooLate, .loading, .rests, .draining: true
        default: false
        }
    }
}
