/// Queue of elements that leave in the order in which they came.
/// - Complexity: amortised O(1).
package struct FIFO<Element: Sendable>: Sendable {
    private var elements: [Element?] = []
    /// Index of the first element that has not left.
    private var head = 0

    package init() {}

    /// Whether there is no element.
    package var isEmpty: Bool { head == elements.count }

    /// Puts `element` behind all others.
    package mutating func append(_ element: Element) { elements.append(element) }

    /// Takes the first element out; nil when there is none.
    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer {
            elements[head] = nil
            head += 1
            // At least as many have left since the last time as move now.
            if 2 * head >= elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
