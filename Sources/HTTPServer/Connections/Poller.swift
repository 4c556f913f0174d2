import CEpoll
import Dispatch
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

/// The sockets of one I/O loop: an epoll set, and one Dispatch source that tells when any of them is ready.
///
/// A Dispatch source for each socket would do, at two `epoll_ctl` and an `ioctl` for each event; the set needs neither,
/// and shows a peer that hangs up even while nothing is read.
///
/// Used only on the loop's queue; an error or a full hang-up is reported whatever the interest.
@safe
final class Poller {
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

    private final class EventSet: Sendable {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private let set: EventSet
    private let source: any DispatchSourceRead
    private var ready = unsafe [epoll_event](repeating: epoll_event(), count: 64)

    /// - Throws: ``HTTPListenError/system(call:code:)``.
    init(queue: DispatchQueue) throws(HTTPListenError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .system(call: "epoll_create1", code: errno) }
        set = EventSet(Descriptor(number))
        source = DispatchSource.makeReadSource(fileDescriptor: number, queue: queue)
        // The source may touch the descriptor until its cancel handler ran, so the handler keeps it open.
        source.setCancelHandler { [set] in withExtendedLifetime(set) {} }
    }

    deinit {
        source.cancel()
    }

    /// Calls `onReady` on the queue while ``events()`` has something to tell.
    func activate(onReady: @escaping @Sendable () -> Void) {
        source.setEventHandler(handler: onReady)
        source.activate()
    }

    /// Some of the sockets that are ready now; the rest comes with the next call of `onReady`.
    func events() -> [Event] {
        let count = unsafe epoll_wait(set.descriptor.number, &ready, Int32(ready.count), 0)
        // Only EINTR can fail here; the set stays ready, and the source says so again.
        return unsafe ready.prefix(Int(max(count, 0))).map { event in
            func has(_ flag: EPOLL_EVENTS) -> Bool { unsafe event.events & flag.rawValue != 0 }
            return Event(
                id: unsafe Int(event.data.u64), canRead: has(EPOLLIN), canWrite: has(EPOLLOUT),
                hungUp: has(EPOLLRDHUP), failed: has(EPOLLERR) || has(EPOLLHUP))
        }
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
        unsafe event.data = epoll_data_t(u64: UInt64(id))
        return unsafe epoll_ctl(set.descriptor.number, operation, descriptor, &event) == 0 ? 0 : errno
    }
}
