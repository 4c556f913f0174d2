import Glibc

/// Open file descriptor, closed exactly once: when its owner goes.
package struct Descriptor: ~Copyable, Sendable {
    /// Number that the system knows the descriptor by.
    package let number: Int32

    /// Takes over the open descriptor `number`.
    package init(_ number: Int32) { self.number = number }

    deinit {
        // EINTR on Linux leaves the descriptor closed; there is nothing to repeat, and nobody to tell of an error.
        _ = close(number)
    }
}
