import HTTPContent
import Imaging

extension NPYArray {
    /// The array that nested lists are: of booleans, or of floats where a number has a fraction or an exponent, else of integers.
    /// - Throws: ``ProblemKind/imageValue`` for what is no number, ``ProblemKind/imageSize`` for lists of different lengths.
    init(_ value: JSON) throws(Problem) {
        var nest = NumberNest(shape: Self.outline(of: value))
        try nest.add(value, at: [])
        switch nest.type {
        case .bool: self.init(shape: nest.shape, elementType: .bool, bytes: nest.values.map { UInt8($0) })
        case .float64: self.init(shape: nest.shape, nest.values)
        default:
            self.init(shape: nest.shape, nest.values.map { Int($0) })  // read as integers of fewer than 19 digits
        }
    }

    /// Shape that nested lists have if each is as long as the first of its depth.
    static func outline(of value: JSON) -> [Int] {
        switch value {
        case .integers(let values): [values.count]
        case .numbers(let values): [values.count]
        case .array(let values): [values.count] + (values.first.map(outline) ?? [])
        default: []
        }
    }
}

/// Numbers of nested lists, in order.
private struct NumberNest {
    let shape: [Int]
    var values: [Double] = []
    /// Type of all values; nil as long as there are none.
    private(set) var type: NPYArray.ElementType?

    init(shape: [Int]) { self.shape = shape }

    /// Adds the numbers of `value`, whose place is `position`: an index in each list around it.
    mutating func add(_ value: JSON, at position: [Int]) throws(Problem) {
        switch value {
        case .integers(let integers): try add(integers.lazy.map(Double.init), .int64, at: position)
        case .numbers(let numbers): try add(numbers, .float64, at: position)
        case .array(let elements):
            guard case .bool = elements.first else { return try add(lists: elements, at: position) }
            var values: [Double] = []
            for (index, element) in elements.enumerated() {
                guard case .bool(let value) = element else { throw Self.mixed(element.kind, at: position + [index]) }
                values.append(value ? 1 : 0)
            }
            try add(values, .bool, at: position)
        default: throw Self.notANumber(value, at: position)
        }
    }

    private mutating func add(lists: [JSON], at position: [Int]) throws(Problem) {
        for (index, element) in lists.enumerated() where element.kind != lists[0].kind || !element.isListOrNumber {
            if element.isListOrNumber || element.isBool { throw Self.mixed(element.kind, at: position + [index]) }
            throw Self.notANumber(element, at: position + [index])
        }
        // an empty list may be one of anything
        try check(lists.count, position.count, isLast: lists.isEmpty)
        for (index, element) in lists.enumerated() { try add(element, at: position + [index]) }
    }

    private mutating func add(
        _ values: some Collection<Double>, _ type: NPYArray.ElementType, at position: [Int]
    ) throws(Problem) {
        try check(values.count, position.count, isLast: true)
        if let known = self.type, (known == .bool) != (type == .bool) {
            throw Self.mixed(type == .bool ? "true or false" : "a number", at: position + [0])
        }
        self.type = self.type == .float64 ? .float64 : type
        self.values += values
    }

    private func check(_ count: Int, _ axis: Int, isLast: Bool) throws(Problem) {
        guard axis < shape.count, count == shape[axis], isLast == (axis == shape.count - 1) else {
            let other = axis < shape.count ? ": one has \(shape[axis]) elements and another \(count)" : ""
            throw Problem(.imageSize, "image: the nested lists are not of the same lengths\(other)")
        }
    }

    private static func notANumber(_ value: JSON, at position: [Int]) -> Problem {
        Problem(.imageValue, "image: expected numbers in the lists, not \(value.kind) at \(position)")
    }

    private static func mixed(_ kind: String, at position: [Int]) -> Problem {
        Problem(
            .imageValue,
            "image: its lists hold lists, numbers, or true and false, and not these together, as \(kind) at \(position)"
        )
    }
}

extension JSON {
    var isBool: Bool { if case .bool = self { true } else { false } }

    var isListOrNumber: Bool {
        switch self {
        case .integer, .unsigned, .number, .integers, .numbers, .array: true
        default: false
        }
    }

    /// Kind of the value in words.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer, .unsigned, .number: "a number"
        case .string: "a string"
        case .integers, .numbers, .array: "a list"
        case .object: "an object"
        }
    }
}
