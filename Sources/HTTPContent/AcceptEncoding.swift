public import Compression
public import HTTPTypes

/// The `Accept-Encoding` field: which content codings the client takes, and with which weights (RFC 9110, section 12.5.3).
public struct AcceptEncoding: Sendable {
    /// Weights of the codings that we have, 0 to 1; nil where nothing was said.
    private var gzip: Double?
    private var deflate: Double?
    private var identity: Double?
    /// Weight of `*`, which stands for every coding that was not named.
    private var others: Double?

    /// The field of a request. Nil when it was not sent: then any coding would do, but a client that can undo one says so. Elements that
    /// are no coding are passed over, like those that we do not have.
    public init?(_ fields: HTTPFields) {
        let values = fields[values: .acceptEncoding]
        if values.isEmpty { return nil }
        for value in values {
            for element in value.utf8.split(separator: UInt8(ascii: ",")) { add(Substring(element).trimmingSpace()) }
        }
    }

    private mutating func add(_ element: Substring) {
        // The usual element has no weight, and is not taken apart.
        guard element.utf8.contains(UInt8(ascii: ";")) else { return set(element, 1) }
        var scanner = FieldScanner(element)
        guard let coding = scanner.token(), var parameters = scanner.parameters(), scanner.isAtEnd,
            let quality = takeQuality(from: &parameters)
        else { return }
        set(coding[...], quality)
    }

    private mutating func set(_ coding: Substring, _ quality: Double) {
        switch coding.lowercased() {
        case "gzip", "x-gzip": gzip = quality
        case "deflate": deflate = quality
        case "identity": identity = quality
        case "*": others = quality
        default: break
        }
    }

    /// Whether content as it is may be sent: always, unless `identity;q=0` or, without a word on identity, `*;q=0`.
    public var allowsIdentity: Bool { (identity ?? others ?? 1) > 0 }

    /// The coding for content that gains by one; nil for none. Of two that are liked alike it is gzip, which every
    /// client reads in the same way (RFC 9110, section 8.4.1.2, on deflate).
    public var preferred: Coding? {
        guard let best, quality(of: best) >= (identity ?? others ?? 0) else { return nil }
        return best
    }

    /// The coding for content that gains by none: one only if it may not be sent as it is.
    public var forced: Coding? { allowsIdentity ? nil : best }

    /// Whether the client takes neither a coding of ours nor content without one.
    public var allowsNothing: Bool { !allowsIdentity && best == nil }

    private var best: Coding? {
        let (gzip, deflate) = (quality(of: .gzip), quality(of: .deflate))
        guard max(gzip, deflate) > 0 else { return nil }
        return deflate > gzip ? .deflate : .gzip
    }

    private func quality(of coding: Coding) -> Double {
        let named =
            switch coding {
            case .gzip: gzip
            case .deflate: deflate
            }
        return named ?? others ?? 0
    }
}
