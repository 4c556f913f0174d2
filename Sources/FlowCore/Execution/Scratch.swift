/// Memory that packed maps of one kind write on, one after another, on one thread.
///
/// It is empty at first. Every map of a flow reserves what it needs for a full tile (``PackedBijection/reserve(_:)``) before the
/// first one passes; so there is room for the largest, and it is used again for every map of the kind and every tile. A map
/// declares the kind beside itself: neither an engine nor another map knows of it.
package protocol MapWorkspace: AnyObject {
    /// Makes an empty workspace.
    init()
}

/// The workspaces of one thread: one of each kind that the maps of a flow reserve.
public struct Scratch {
    private var workspaces: [AnyObject] = []

    package init() {}

    /// Returns the workspace of a kind, made on the first request.
    package mutating func workspace<Kind: MapWorkspace>(_ kind: Kind.Type) -> Kind {
        // by index: the iterator allocates in debug builds, where the tests count
        for i in 0..<workspaces.count where ObjectIdentifier(type(of: workspaces[i])) == ObjectIdentifier(kind) {
            // The comparison above has shown its type.
            return unsafe unsafeDowncast(workspaces[i], to: kind)
        }
        let workspace = kind.init()
        workspaces.append(workspace)
        return workspace
    }
}
