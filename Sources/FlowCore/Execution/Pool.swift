import Synchronization

/// Workspaces that no call uses: taken before a call and given back after it, so that there are never more than calls
/// have run at a time, and none is made once there are enough.
package final class Pool<Workspace: AnyObject & Sendable>: Sendable {
    private let idle = Mutex<[Workspace]>([])
    private let make: @Sendable () -> Workspace

    package init(_ make: @escaping @Sendable () -> Workspace) {
        self.make = make
    }

    package func take() -> Workspace {
        idle.withLock { $0.popLast() } ?? make()
    }

    package func giveBack(_ workspace: Workspace) {
        idle.withLock { $0.append(workspace) }
    }
}
