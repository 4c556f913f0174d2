import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// Steps around a route's work, in their order; before all of them the request has got its id.
struct Steps: Sendable {
    /// Works on the head of a request: throws a ``Problem``, has the answer, or leaves both to the next step.
    typealias HeadStep = @Sendable (inout RoutedRequest, DensityAPI) throws -> ServerResponse?
    /// Works on an answer, whatever made it: a head step, a route, a problem, or a refusal of the server.
    typealias AnswerStep = @Sendable (inout OutgoingAnswer, DensityAPI) -> Void

    /// Steps that look at the bytes of a head and the service's options alone: for a head that its connection brings again they
    /// have been taken.
    var head: [HeadStep] = [
        checkBrowserRules,  // 403, 421
        checkAcceptEncoding,  // 406
        answerOptionsOfAll,  // 204
        findResource,  // 400, 404; label: route
        answerOptions,  // 204
        findRoute,  // 405
    ]
    /// Steps that every request takes, once its head has a route.
    var request: [HeadStep] = [
        checkAccess,  // 400, 401, 403; label: key
        checkRates,  // 429
        findCaller,
    ]
    // Then the route begins, and its work makes the answer.
    var answer: [AnswerStep] = [
        chooseCoding,  // Content-Encoding, Vary
        applyCondition,  // ETag of that coding; 304
        addBrowserFields,  // Access-Control-…, Vary
        forbidStoringErrors,  // Cache-Control
        addName,  // X-Request-Id
        addServerTiming,  // Server-Timing, with the span of a request that is traced
    ]
    // Then the content is coded.
}

// MARK: - The head

private func checkBrowserRules(_ request: inout RoutedRequest, _ api: DensityAPI) throws -> ServerResponse? {
    try api.context.options.browsers.check(request.head, on: request.connection)
    return nil
}

private func checkAcceptEncoding(_ request: inout RoutedRequest, _: DensityAPI) throws -> ServerResponse? {
    guard request.acceptEncoding?.allowsNothing != true else {
        throw Problem(.notAcceptable, "Accept-Encoding: the answer can be gzip, deflate, identity")
    }
    return nil
}

/// `OPTIONS *`, which asks what the service can do at all (RFC 9110, section 9.3.7).
private func answerOptionsOfAll(_ request: inout RoutedRequest, _ api: DensityAPI) -> ServerResponse? {
    request.method == .options && request.head.path == "*" ? .allowing(api.table.allow) : nil
}

private func findResource(_ request: inout RoutedRequest, _ api: DensityAPI) throws -> ServerResponse? {
    let (resource, parameters) = try api.table.resource(at: request.path)
    request.resource = resource
    request.parameters = parameters
    request.labels.route = resource.path
    return nil
}

private func answerOptions(_ request: inout RoutedRequest, _: DensityAPI) -> ServerResponse? {
    request.method == .options ? request.resource.map { .allowing($0.allow) } : nil
}

private func findRoute(_ request: inout RoutedRequest, _: DensityAPI) throws -> ServerResponse? {
    guard let resource = request.resource else { preconditionFailure("no step found a resource") }
    guard let route = resource.route(for: request.method) else {
        // Also to a method that HTTP does not have, for which RFC 9110, section 9.1, would rather have 501: contracts in
        // OpenAPI promise 405, and no client shall make the service look broken.
        throw Problem(
            .methodNotAllowed, "\(quoted(request.method.rawValue)) is not one of \(resource.allow)",
            fields: [.allow: resource.allow])
    }
    request.route = route
    return nil
}

private func checkAccess(_ request: inout RoutedRequest, _ api: DensityAPI) throws -> ServerResponse? {
    guard let route = request.route else { preconditionFailure("no step found a route") }
    try api.access.check(&request, for: type(of: route).access)
    return nil
}

/// Takes the request of its key's account, where that is limited, before its body is asked for.
private func checkRates(_ request: inout RoutedRequest, _: DensityAPI) throws -> ServerResponse? {
    try request.rates.account?.begin()
    return nil
}

private func findCaller(_ request: inout RoutedRequest, _ api: DensityAPI) -> ServerResponse? {
    request.foundCaller = Caller(
        keyName: request.labels.keyName, connection: request.connection,
        countsByAddress: api.context.options.countsByAddress)
    return nil
}

extension Caller {
    /// The holder of the key `keyName`, else the address of `connection` where that counts and there is one, else `connection`.
    fileprivate init(keyName: String?, connection: ConnectionInfo, countsByAddress: Bool) {
        if let keyName {
            self.init(name: "key:\(keyName)")
        } else if countsByAddress, let network = ClientNetwork(connection.peer) {
            self.init(name: "address:\(network)")
        } else {
            self.init(name: "connection:\(connection.number)")
        }
    }
}

extension ServerResponse {
    /// The answer to OPTIONS.
    fileprivate static func allowing(_ methods: String) -> ServerResponse {
        ServerResponse(status: .noContent, fields: [.allow: methods])
    }
}

// MARK: - The answer

private func chooseCoding(_ answer: inout OutgoingAnswer, _ api: DensityAPI) {
    guard let request = answer.request, request.takesCoding(of: answer.response) else { return }
    answer.coding = AnswerCoding(leastBytes: api.context.options.leastCodedBytes)
        .choose(for: &answer.response, accept: request.acceptEncoding)
}

private func applyCondition(_ answer: inout OutgoingAnswer, _: DensityAPI) {
    guard let request = answer.request else { return }
    answer.response.applyCondition(of: request.head)
}

private func addBrowserFields(_ answer: inout OutgoingAnswer, _ api: DensityAPI) {
    guard let request = answer.request else { return }
    api.context.options.browsers.addFields(to: &answer.response, for: request.head)
}

/// What went wrong may be right the next time, and caches may keep a 404 (RFC 9111, section 4.2.2).
private func forbidStoringErrors(_ answer: inout OutgoingAnswer, _: DensityAPI) {
    guard answer.response.status.code >= 400 else { return }
    answer.response.fields[.cacheControl] = CachePolicy.never.rawValue
}

private func addName(_ answer: inout OutgoingAnswer, _: DensityAPI) {
    var labels = answer.labels
    let name = labels.requestID ?? RequestID.random()
    labels.requestID = name
    // No route says it, so there is none to take the place of.
    answer.response.fields.append(HTTPField(name: .requestID, value: name))
    answer.response.labels = labels
}

private func addServerTiming(_ answer: inout OutgoingAnswer, _: DensityAPI) {
    if !answer.response.fields.contains(.serverTiming) { answer.response.fields.append(ServerTiming.none) }
    guard let span = answer.labels.span, let timing = answer.response.fields[.serverTiming] else { return }
    answer.response.fields[.serverTiming] = "\(timing), \(span.timing)"
}
