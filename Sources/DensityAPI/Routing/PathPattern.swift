/// A route's path such as `/models/{model}`: a segment in braces is a parameter.
package struct PathPattern: Sendable {
    private enum Segment {
        case named(String)
        case parameter(name: String)
    }

    private let segments: [Segment]

    /// The pattern of a route's `path`.
    package init(_ path: String) {
        // "/" has one segment, which is empty
        segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { segment in
            segment.hasPrefix("{") ? .parameter(name: String(segment.dropFirst().dropLast())) : .named(String(segment))
        }
    }

    /// The parameters that a path of these segments holds; nil when it is not of this pattern.
    package func match(_ path: [String]) -> PathParameters? {
        guard path.count == segments.count else { return nil }
        var parameters = PathParameters()
        for (segment, value) in zip(segments, path) {
            switch segment {
            case .named(let name): guard name == value else { return nil }
            case .parameter(let name): parameters.values.append((name, value))
            }
        }
        return parameters
    }
}

/// The parameters of a request's path, percent-decoded, by the names that the pattern of its route gives them.
package struct PathParameters: Sendable {
    fileprivate(set) var values: [(name: String, value: String)] = []

    /// The value of the parameter `name`; nil where the path that was asked for has none.
    func value(of name: String) -> String? { values.first { $0.name == name }?.value }

    /// The value of the parameter `name`, which the route's own path must have.
    subscript(_ name: String) -> String {
        guard let value = value(of: name) else {
            preconditionFailure("the path of the route has no parameter {\(name)}")
        }
        return value
    }
}
