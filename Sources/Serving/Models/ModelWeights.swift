import FlowModels
import Synchronization

/// Weights of a loaded model, which rest while nobody computes with them: they are given up, and loaded again for whoever computes next.
///
///     awake ──rest, when nobody holds them──▶ resting ──hold──▶ loading ──loaded──▶ awake
///                                                                  └────failed───▶ resting
final class ModelWeights: Sendable {
    private struct Waiter {
        var continuation: CheckedContinuation<Void, any Error>
        var timer: Task<Void, Never>?

        func resume(_ result: Result<Void, any Error>) {
            timer?.cancel()
            continuation.resume(with: result)
        }
    }

    private struct State {
        var density: any ImageDensity
        var isAwake = true
        /// Holders, and those who wait to be some.
        var holders = 0
        var lastUse = ContinuousClock.now
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
        /// Whether somebody loads the weights.
        var isLoading = false
    }

    private let state: Mutex<State>

    init(_ density: any ImageDensity) { state = Mutex(State(density: density)) }

    /// The density; one that computes while somebody holds the weights.
    var density: any ImageDensity { state.withLock(\.density) }

    /// Whether the weights are not there.
    var rest: Bool { state.withLock { !$0.isAwake } }

    /// Holds the weights until ``release()``; waits for them where they rest.
    /// - Parameters:
    ///   - limit: how long to wait at most.
    ///   - load: loads the weights again; of those who wait one calls it.
    /// - Returns: how long it waited.
    /// - Throws: what `load` throws; ``ServingError/deadlinePassed(finished:of:)`` of no rows; ``ServingError/cancelled``. Then nothing is held.
    func hold(
        waiting limit: Duration?, load: @escaping @Sendable () async throws -> any ImageDensity
    ) async throws -> Duration {
        let isAwake = state.withLock { state in
            state.holders += 1
            return state.isAwake
        }
        if isAwake { return .zero }
        let start = ContinuousClock.now
        do { try await wait(limit, load) } catch {
            release()
            throw error
        }
        return start.duration(to: .now)
    }

    /// Lets go of the weights.
    func release() {
        state.withLock { state in
            state.holders -= 1
            state.lastUse = .now
        }
    }

    /// Gives the weights up where nobody holds them, and nobody has for `idle`.
    /// - Returns: whether it did.
    func rest(after idle: Duration) -> Bool {
        // What is given up is freed when the lock is free again.
        let given: (any ImageDensity)? = state.withLock { state in
            guard state.isAwake, state.holders == 0, state.lastUse.duration(to: .now) >= idle else { return nil }
            let density = state.density
            state.density = RestingDensity(density)
            state.isAwake = false
            return density
        }
        return given != nil
    }

    private func wait(_ limit: Duration?, _ load: @escaping @Sendable () async throws -> any ImageDensity) async throws
    {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Step { case go, wait, load }
                let step = state.withLock { state -> Step in
                    guard !state.isAwake else { return .go }
                    state.waiters[number] = Waiter(continuation: continuation)
                    guard !state.isLoading else { return .wait }
                    state.isLoading = true
                    return .load
                }
                if step == .go { return continuation.resume() }
                if step == .load { Task { await self.loaded(by: load) } }
                if let limit { limitWait(of: number, to: limit) }
                if Task.isCancelled { resume(number, .failure(ServingError.cancelled)) }
            }
        } onCancel: {
            resume(number, .failure(ServingError.cancelled))
        }
    }

    private func limitWait(of number: UInt64, to limit: Duration) {
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            self.resume(number, .failure(ServingError.deadlinePassed(finished: 0, of: 0)))
        }
        let waits = state.withLock { state in
            state.waiters[number]?.timer = timer
            return state.waiters[number] != nil
        }
        if !waits { timer.cancel() }
    }

    private func loaded(by load: @Sendable () async throws -> any ImageDensity) async {
        let result: Result<any ImageDensity, any Error>
        do { result = .success(try await load()) } catch { result = .failure(error) }
        let waiters = state.withLock { state in
            state.isLoading = false
            if case .success(let density) = result { (state.density, state.isAwake) = (density, true) }
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(result.map { _ in }) }
    }

    private func resume(_ number: UInt64, _ result: Result<Void, any Error>) {
        state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(result)
    }
}

/// Hold of a model's weights, which ends with it.
final class WeightsHold: Sendable {
    private let weights: ModelWeights

    /// Takes over a hold that ``ModelWeights/hold(waiting:load:)`` took.
    init(_ weights: ModelWeights) { self.weights = weights }

    deinit { weights.release() }
}
