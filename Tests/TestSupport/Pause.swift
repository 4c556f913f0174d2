import Dispatch

/// Keeps the calling thread, which must not be of the cooperative pool, for a millisecond.
public func pause() { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(1)) }
