extension Array where Element: ExpressibleByIntegerLiteral {
    /// Appends zeros until there are at least `count` elements: memory that several users reserve, one after another.
    package mutating func reserveZeros(_ count: Int) {
        if count > self.count { append(contentsOf: repeatElement(0, count: count - self.count)) }
    }
}
