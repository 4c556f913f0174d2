import HTTPTypes
import HTTPWire

/// Scope of a key: one thing that it lets its holder do.
public enum Scope: String, CaseIterable, Sendable {
    case score, sample, admin, metrics
}

/// Rule of who may use a route.
package enum Access: Equatable, Sendable {
    /// Anyone: what probes and clients need before they have a key, and what is public anyway.
    case anyone
    /// The holder of any key, when a key file is configured.
    case anyKey
    /// The holder of a key with this scope, when a key file is configured. ``Scope/admin`` is refused without a key file. A client of a
    /// Unix socket needs no key for ``Scope/admin`` and ``Scope/metrics``.
    case scope(Scope)
    /// The holder of a key with one of these scopes, when a key file is configured; which one, the route says for each request
    /// (``RoutedRequest/require(_:)``).
    case oneOf([Scope])

    /// Whether requests count for the limits of a key: not those by which an operator sees and steers the service.
    var isLimited: Bool {
        switch self {
        case .anyone, .scope(.admin), .scope(.metrics): false
        case .anyKey, .scope, .oneOf: true
        }
    }
}

/// Check of whether the client of a request may have what its head asks for (RFC 6750, section 2.1: the key is in
/// `Authorization: Bearer`, and nowhere else).
struct AccessControl: Sendable {
    /// Keys in force; nil without a key file.
    var keys: KeyRing?

    private static let scheme = "bearer "
    private static let realm = "Bearer realm=\"tusk\""
    /// Fields that a proxy adds. One in front of a Unix socket would lend its permissions to all that it lets through.
    private static let forwarded = ["Forwarded", "X-Forwarded-For", "Via"].map { HTTPField.Name($0)! }

    /// Labels `request` with the name of its key, also when that may not do this.
    /// - Throws: ``ProblemKind/unauthorized``, ``ProblemKind/forbidden``, or ``ProblemKind/malformedRequest`` for more
    ///   than one `Authorization`.
    func check(_ request: inout RoutedRequest, for access: Access) throws(Problem) {
        guard access != .anyone, !isOperatorOfSocket(request, access) else { return }
        guard let keys else {
            guard access != .scope(.admin) else {
                throw Problem(
                    .forbidden, "administration needs a key with the scope admin, and this service has no key file")
            }
            return
        }
        let (key, account) = try keys.key(presented(by: request))
        request.labels.keyName = key.name
        if access.isLimited { request.rates.account = account }
        request.scopes = key.scopes
        switch access {
        case .anyone, .anyKey: break
        case .scope(let scope): try request.require(scope)
        case .oneOf(let scopes): if !scopes.contains(where: key.scopes.contains) { try request.require(scopes[0]) }
        }
    }

    /// Whether the permissions of a Unix socket's file say that this may be done: administration, and reading what is counted, which
    /// administration tells too.
    private func isOperatorOfSocket(_ request: RoutedRequest, _ access: Access) -> Bool {
        (access == .scope(.admin) || access == .scope(.metrics)) && request.connection.isUnixSocket
            && Self.forwarded.allSatisfy { request.fields[$0] == nil }
    }

    private func presented(by request: RoutedRequest) throws(Problem) -> Substring {
        let values = request.fields[values: .authorization]
        guard values.count <= 1 else {
            throw Problem(
                .malformedRequest, "more than one Authorization field",
                fields: Self.challenge(", error=\"invalid_request\""))
        }
        guard let value = values.first, value.prefix(Self.scheme.count).lowercased() == Self.scheme else {
            // Without credentials that it knows, a server says no error code (RFC 6750, section 3.1).
            throw Problem(.unauthorized, "Authorization: Bearer with a key is needed", fields: Self.challenge(""))
        }
        return value.dropFirst(Self.scheme.count).drop { $0 == " " }
    }

    static func challenge(_ parameters: String) -> HTTPFields {
        [.wwwAuthenticate: realm + parameters]
    }
}

extension RoutedRequest {
    /// Refuses a request whose key does not have `scope`.
    /// - Throws: ``ProblemKind/forbidden``.
    func require(_ scope: Scope) throws(Problem) {
        guard let scopes, !scopes.contains(scope) else { return }
        throw Problem(
            .forbidden, "the key does not have the scope \(scope.rawValue)",
            fields: AccessControl.challenge(", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""))
    }
}

extension KeyRing {
    /// Key of `token`.
    /// - Throws: ``ProblemKind/unauthorized`` for a token that is none, is not known, or has expired.
    fileprivate func key(_ token: Substring) throws(Problem) -> (APIKey, RateAccount?) {
        let reason: String
        if !KeyToken.isWellFormed(token) {
            reason = "the key is not one that tusk makes, or it was cut short"
        } else if let (key, account) = find(KeyHash(ofToken: token)) {
            if !key.isExpired(at: now()) { return (key, account) }
            reason = "the key has expired"
        } else {
            reason = "the key is not known"
        }
        throw Problem(.unauthorized, reason, fields: AccessControl.challenge(", error=\"invalid_token\""))
    }
}
