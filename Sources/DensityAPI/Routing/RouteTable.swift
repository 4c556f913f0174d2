import HTTPContent
import HTTPTypes

/// Table of the resources by their paths.
struct RouteTable: Sendable {
    /// Resources whose path has no parameter, by it: nearly every request is for one of them, as it is written here.
    private let plain: [Substring: Resource]
    /// Resources, those without a parameter first, so that a segment that is named wins over one that can be any.
    private let resources: [Resource]
    /// Every method that some path has, as the value of `Allow`.
    let allow: String

    init(_ routes: [any Route]) {
        var byPath: [(path: String, routes: [any Route])] = []
        for (path, route) in routes.flatMap({ route in type(of: route).paths.map { ($0, route) } }) {
            if let index = byPath.firstIndex(where: { $0.path == path }) {
                byPath[index].routes.append(route)
            } else {
                byPath.append((path, [route]))
            }
        }
        let all = byPath.map { Resource(path: $0.path, routes: $0.routes) }
        let (named, open) = (all.filter { !$0.hasParameters }, all.filter(\.hasParameters))
        resources = named + open
        plain = Dictionary(uniqueKeysWithValues: named.map { ($0.path[...], $0) })
        allow = routes.flatMap { type(of: $0).methods }.allowed
    }

    /// Resource at `path`, and the parameters that the path holds.
    /// - Throws: ``ProblemKind/malformedRequest`` when the path is not percent-encoded UTF-8, ``ProblemKind/notFound``
    ///   when nothing is there.
    func resource(at path: Substring) throws(Problem) -> (Resource, PathParameters) {
        if let found = plain[path] { return (found, PathParameters()) }
        let segments = try segments(of: path)
        for resource in resources {
            if let parameters = resource.pattern.match(segments) { return (resource, parameters) }
        }
        throw Problem(.notFound, "there is no such path")
    }

    /// The segments of `path`, each percent-decoded: `["models", "elephants"]`.
    private func segments(of path: Substring) throws(Problem) -> [String] {
        var segments: [String] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            guard let decoded = percentDecoded(segment) else {
                throw Problem(.malformedRequest, "the path is not percent-encoded UTF-8")
            }
            segments.append(decoded)
        }
        return segments
    }
}

/// Resource at one path, with a route for each of its methods.
final class Resource: Sendable {
    let path: String
    let pattern: PathPattern
    /// Methods of the resource, as the value of `Allow` (RFC 9110, section 10.2.1).
    let allow: String
    private let routes: [(method: HTTPRequest.Method, route: any Route)]

    var hasParameters: Bool { path.contains("{") }

    init(path: String, routes: [any Route]) {
        self.path = path
        pattern = PathPattern(path)
        self.routes = routes.flatMap { route in type(of: route).methods.map { ($0, route) } }
        allow = self.routes.map(\.method).allowed
        precondition(Set(self.routes.map(\.method)).count == self.routes.count, "two routes have one path and method")
    }

    /// Route of `method`; nil when none at the path has it.
    func route(for method: HTTPRequest.Method) -> (any Route)? { routes.first { $0.method == method }?.route }
}

extension [HTTPRequest.Method] {
    /// The value of `Allow`: each once, by name, and last OPTIONS, which every path has.
    fileprivate var allowed: String {
        let names = Set(map(\.rawValue)).subtracting([HTTPRequest.Method.options.rawValue]).sorted()
        return (names + [HTTPRequest.Method.options.rawValue]).joined(separator: ", ")
    }
}
