extension Array where Element: ExpressibleByIntegerLiteral {
    /// Appends zeros until there are at least `count` elements: memory that several users reserve, one after another.
    ///
    /// Inlinable: an optimised caller has a loop over its own kind of number. Without that the loop asks the runtime for types,
    /// element by element, and the start of the service takes five times as long.
    @inlinable
    package mutating func reserveZeros(_ count: Int) {
        if count > self.count { append(contentsOf: repeatElement(0, count: count - self.count)) }
    }
}
