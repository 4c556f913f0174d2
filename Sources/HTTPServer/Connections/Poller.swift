import CEpoll
import Glibc
import System

/// Kinds of readiness of a socket.
struct Interest: OptionSet, Sendable {
    let rawValue: UInt32
    /// Bytes or an end to read.
    static let read = Interest(rawValue: EPOLLIN.rawValue)
    /// Room to write.
    static let write = Interest(rawValue: EPOLLOUT.rawValue)
    /// The peer closed its side, seen without reading.
    static let hangUp = Interest(rawValue: EPOLLRDHUP.rawValue)
}

/// The sockets of one thread, an epoll set, and what wakes the thread while it waits for them.
///
/// Used on the thread that waits, but for ``wake()``; an error or a full hang-up is reported whatever the interest.
@safe
final class Poller: @unchecked Sendable {
    /// Readiness of one socket.
    struct Event {
        var id: Int
        var canRead: Bool
        var canWrite: Bool
        var hungUp: Bool
        /// Whether the connection is broken: nothing can be sent any more.
        var failed: Bool

        func meets(_ interest: Interest) -> Bool {
            (canRead && interest.contains(.read)) || (canWrite && interest.contains(.write))
        }
    }

    private let set: Descriptor
    /// An eventfd(2), whose every increment ends a wait.
    private let waker: Descriptor
    /// Number in the set that no socket has.
    private static let wakerID = -1
    private var ready = unsafe [epoll_event](repeating: epoll_event(), count: 128)
    /// Number of sockets that the last ``wait(milliseconds:)`` found ready.
    private(set) var count = 0
    /// Told when some are.
    var onReady: (@Sendable () -> Void)?

    /// - Throws: ``HTTPListenError/system(call:code:)``.
    init() throws(HTTPListenError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .system(call: "epoll_create1", code: errno) }
        set = Descriptor(number)
        let event = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard event >= 0 else { throw .system(call: "eventfd", code: errno) }
        waker = Descriptor(event)
        // Told once for each increment, so that nobody need read it; it would overflow after centuries.
        let code = control(EPOLL_CTL_ADD, event, Self.wakerID, Interest(rawValue: EPOLLIN.rawValue | EPOLLET.rawValue))
        guard code == 0 else { throw .system(call: "epoll_ctl", code: code) }
    }

    /// Waits until a socket is ready, ``wake()`` was called, or the time has passed; -1 for any time.
    func wait(milliseconds: Int32) {
        // Only EINTR can fail here, and the thread waits again.
        count = unsafe max(Int(epoll_wait(set.number, &ready, Int32(ready.count), milliseconds)), 0)
        for index in 0..<count where unsafe Int(truncatingIfNeeded: ready[index].data.u64) == Self.wakerID {
            count -= 1
            unsafe ready[index] = ready[count]
            break
        }
    }

    /// Readiness of one of the ``count`` sockets that were found ready.
    func event(_ index: Int) -> Event {
        let event = unsafe ready[index]
        func has(_ flag: EPOLL_EVENTS) -> Bool { unsafe event.events & flag.rawValue != 0 }
        return Event(
            id: unsafe Int(event.data.u64), canRead: has(EPOLLIN), canWrite: has(EPOLLOUT), hungUp: has(EPOLLRDHUP),
            failed: has(EPOLLERR) || has(EPOLLHUP))
    }

    /// Ends a wait, or the next one, from any thread.
    func wake() {
        var one: UInt64 = 1
        // Fails only where the counter is full, and then a wait has ended already.
        _ = unsafe write(waker.number, &one, MemoryLayout<UInt64>.size)
    }

    /// - Returns: 0, or the `errno` of the failure.
    func add(_ descriptor: Int32, id: Int, _ interest: Interest) -> Int32 {
        control(EPOLL_CTL_ADD, descriptor, id, interest)
    }

    /// - Returns: 0, or the `errno` of the failure.
    func change(_ descriptor: Int32, id: Int, _ interest: Interest) -> Int32 {
        control(EPOLL_CTL_MOD, descriptor, id, interest)
    }

    func remove(_ descriptor: Int32) {
        // Fails only for a socket that is not in the set, which is the aim.
        _ = control(EPOLL_CTL_DEL, descriptor, 0, [])
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ id: Int, _ interest: Interest) -> Int32 {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data = epoll_data_t(u64: UInt64(bitPattern: Int64(id)))
        return unsafe epoll_ctl(set.number, operation, descriptor, &event) == 0 ? 0 : errno
    }
}
