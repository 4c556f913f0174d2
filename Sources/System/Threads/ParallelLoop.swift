import Dispatch
import Synchronization

/// Calls `body` once with each of `0 ..< count`, on at most `threads` threads. Which thread gets which is left open, so
/// `body` must write only what belongs to its own index.
package func inParallel(_ count: Int, threads: Int, _ body: (Int) -> Void) {
    let workers = min(threads, count)
    guard workers > 1 else { return (0..<count).forEach(body) }
    let next = Atomic(0)
    withoutActuallyEscaping(body) { body in
        // Not sendable in general; the rule above is what makes it safe.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                unsafe body(index)
            }
        }
    }
}

/// Results of `body` for each of `0 ..< count`, in order, computed on at most `threads` threads.
/// - Throws: the error of the lowest index that failed; the others still run.
package func mapInParallel<Value>(
    _ count: Int, threads: Int, _ body: (Int) throws -> Value
) throws -> [Value] {
    var results = [Result<Value, any Error>?](repeating: nil, count: count)
    unsafe results.withUnsafeMutableBufferPointer { results in
        inParallel(count, threads: threads) { index in
            unsafe results[index] = Result { try body(index) }
        }
    }
    return try results.map { try $0!.get() }  // every index was visited
}

/// Calls `body` with each element, on at most `threads` threads.
/// - Throws: the error of the lowest index that failed; the others still run.
package func updateInParallel<Element>(
    _ elements: inout [Element], threads: Int, _ body: (Int, inout Element) throws -> Void
) throws {
    try unsafe elements.withUnsafeMutableBufferPointer { elements in
        _ = try mapInParallel(elements.count, threads: threads) { index in
            try unsafe body(index, &elements[index])
        }
    }
}
