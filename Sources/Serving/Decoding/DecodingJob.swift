import Synchronization

/// Whether the work of a request is wanted no more; asked by the work itself, often.
public final class DecodingStop: Sendable {
    private let flag = Atomic(false)

    package init() {}

    /// Whether to give up.
    public var isStopped: Bool { flag.load(ordering: .relaxed) }

    package func stop() { flag.store(true, ordering: .relaxed) }
}

/// A request in a ``DecodingLane``, whatever its steps make.
struct DecodingJob: Sendable {
    let stop: DecodingStop
    /// Runs a step.
    /// - Returns: whether others are to follow; not after one that failed.
    let run: @Sendable (_ step: Int) -> Bool
    /// Ends the request, called once: all steps have run, the step's own error, or the one given.
    let end: @Sendable ((any Error)?) -> Void

    init<Output: Sendable>(
        _ stop: DecodingStop, _ body: @escaping @Sendable (_ step: Int, DecodingStop) throws -> Output,
        _ continuation: CheckedContinuation<[Output], any Error>
    ) {
        let outcome = Mutex(Result<[Output], any Error>.success([]))
        let box = Box(outcome)
        self.stop = stop
        run = { step in
            let result = Result { try body(step, stop) }
            return box.value.withLock { outcome in
                outcome = outcome.flatMap { outputs in result.map { outputs + [$0] } }
                if case .success = outcome { return true }
                return false
            }
        }
        end = { error in
            if let error {
                continuation.resume(throwing: error)
            } else {
                continuation.resume(with: box.value.withLock(\.self))
            }
        }
    }
}

/// A value that cannot be copied, shared.
private final class Box<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
