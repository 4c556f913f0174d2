import HTTPContent

/// Elements of a tensor in JSON: nested lists of its shape, or all in a row.
struct TensorElements {
    let name: String
    let shape: [Int]
    /// Number that the shape says.
    let expected: Int
    let isText: Bool
    private(set) var numbers: [Double] = []
    private(set) var texts: [String] = []

    init(name: String, shape: [Int], count: Int, isText: Bool) {
        (self.name, self.shape, expected, self.isText) = (name, shape, count, isText)
    }

    var count: Int { numbers.count + texts.count }

    mutating func add(_ value: JSON, axis: Int) throws(Problem) {
        switch value {
        case .integers(let values):
            try check(values.count, axis, isLast: true)
            guard !isText || values.isEmpty else { throw wrong("a number") }
            numbers += values.lazy.map(Double.init)
        case .numbers(let values):
            try check(values.count, axis, isLast: true)
            for value in values { try add(element: .number(value)) }
        case .array(let elements):
            let areLists = elements.contains { element in
                switch element {
                case .array, .integers, .numbers: true
                default: false
                }
            }
            try check(elements.count, axis, isLast: !areLists)
            for element in elements {
                if areLists { try add(element, axis: axis + 1) } else { try add(element: element) }
            }
        default: throw Problem(.malformedBody, "\(name): data must be a list")
        }
    }

    private mutating func add(element: JSON) throws(Problem) {
        switch element {
        case .string(let text) where isText: texts.append(text)
        case .integer(let value) where !isText: numbers.append(Double(value))
        case .number(let value) where !isText && value.isFinite: numbers.append(value)
        case .number(let value): throw wrong(isText ? "a number" : "\(value)")
        // Clients write it for what is not finite.
        case .null: throw wrong("null")
        case .bool: throw wrong("a boolean")
        case .string: throw wrong("a string")
        default: throw wrong("a list or an object")
        }
    }

    private func check(_ count: Int, _ axis: Int, isLast: Bool) throws(Problem) {
        let isRow = isLast && axis == 0 && count == expected
        guard
            isRow || axis < shape.count && count == shape[axis] && isLast == (axis == shape.count - 1) || expected == 0
        else {
            throw Problem(
                .malformedBody,
                "\(name): data must be lists of the shape \(shape), or one list of \(expected) elements; one has \(count)"
            )
        }
    }

    /// The elements as levels of a byte.
    /// - Throws: ``ProblemKind/malformedBody`` for the first that is none.
    func bytes() throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count)
        for number in numbers {
            guard let byte = UInt8(exactly: number) else {
                throw wrong("\(number)", at: bytes.count, "a whole number from 0 to 255")
            }
            bytes.append(byte)
        }
        return bytes
    }

    /// The elements in single precision.
    /// - Throws: ``ProblemKind/malformedBody`` for the first that has no such value.
    func floats() throws(Problem) -> [Float] {
        var floats: [Float] = []
        floats.reserveCapacity(numbers.count)
        for number in numbers {
            guard Float(number).isFinite else { throw wrong("\(number)", at: floats.count) }
            floats.append(Float(number))
        }
        return floats
    }

    /// The problem of the element at `index`, or after those that were read.
    private func wrong(_ found: String, at index: Int? = nil, _ expected: String? = nil) -> Problem {
        var (rest, position) = (index ?? count, shape)
        for axis in shape.indices.reversed() where shape[axis] > 0 {
            position[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return Problem(
            .malformedBody,
            "\(name): the element at \(position) must be \(expected ?? (isText ? "a string" : "a finite number")), not \(found)"
        )
    }
}
