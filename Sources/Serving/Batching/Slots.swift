/// Elements under small numbers, each of which is given out again once its element has been taken out.
///
/// What refers to an element by its number costs an array access where a key would have to be hashed.
struct Slots<Element: Sendable>: Sendable {
    private var elements: [Element?] = []
    private var free: [Int] = []

    /// Puts `element` in, and says under which number.
    mutating func insert(_ element: Element) -> Int {
        guard let slot = free.popLast() else {
            elements.append(element)
            return elements.count - 1
        }
        elements[slot] = element
        return slot
    }

    /// Takes the element under `slot` out; its number is free.
    mutating func remove(_ slot: Int) {
        elements[slot] = nil
        free.append(slot)
    }

    /// The element under `slot`, if it has one.
    func element(at slot: Int) -> Element? { elements[slot] }

    /// The element under `slot`, which must have one.
    subscript(slot: Int) -> Element {
        get { elements[slot]! }
        _modify { yield &elements[slot]! }
    }
}
