import Synchronization

/// Workspaces that no call uses at present. A call takes one and gives it back after it, so that there are never more of them
/// than calls have run at a time.
package final class Pool<Workspace: AnyObject & Sendable>: Sendable {
    private let idle = Mutex<[Workspace]>([])
    private let make: @Sendable () -> Workspace

    package init(_ make: @escaping @Sendable () -> Workspace) {
        self.make = make
    }

    /// Takes an idle workspace, or makes one where none is idle.
    package func take() -> Workspace {
        idle.withLock { $0.popLast() } ?? make()
    }

    /// Returns a workspace to the idle ones.
    package func giveBack(_ workspace: Workspace) {
        idle.withLock { $0.append(workspace) }
    }
}
