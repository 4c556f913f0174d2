/// Who a request's turn is counted for: the holder of a key, else a connection (or, by option, an address).
public struct Caller: Hashable, Sendable {
    /// Name of the caller, which no other has: `key:gate`, `connection:17`, `address:192.0.2.1`.
    public let name: String

    public init(name: String) { self.name = name }
}
