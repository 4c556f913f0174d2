import Compression
import HTTPTypes

/// The `Accept-Encoding` field: which content codings the client takes, and how gladly (RFC 9110, section 12.5.3).
struct AcceptEncoding {
    /// By coding in lower case, `x-gzip` as `gzip`; 0 to 1.
    private var qualities: [String: Double] = [:]

    /// Nil when the field was not sent: then any coding would do, but a client that can undo one says so. Elements that
    /// are no coding are passed over.
    init?(_ fields: HTTPFields) {
        let values = fields[values: .acceptEncoding]
        if values.isEmpty { return nil }
        for value in values {
            for element in value.split(separator: ",") {
                var scanner = FieldScanner(element.trimmingSpace())
                guard let coding = scanner.token()?.lowercased(), var parameters = scanner.parameters(),
                    scanner.isAtEnd, let quality = takeQuality(from: &parameters)
                else { continue }
                qualities[coding == "x-gzip" ? "gzip" : coding] = quality
            }
        }
    }

    /// Whether content as it is may be sent: always, unless `identity;q=0` or, without a word on identity, `*;q=0`.
    var allowsIdentity: Bool { (qualities["identity"] ?? qualities["*"] ?? 1) > 0 }

    /// The coding for content that gains by one; nil for none. Of two that are liked alike it is gzip, which every
    /// client reads in the same way (RFC 9110, section 8.4.1.2, on deflate).
    var preferred: Coding? {
        guard let best, quality(of: best) >= (qualities["identity"] ?? qualities["*"] ?? 0) else { return nil }
        return best
    }

    /// The coding for content that gains by none: one only if it may not be sent as it is.
    var forced: Coding? { allowsIdentity ? nil : best }

    /// Neither a coding of ours nor none.
    var allowsNothing: Bool { !allowsIdentity && best == nil }

    private var best: Coding? {
        let (gzip, deflate) = (quality(of: .gzip), quality(of: .deflate))
        guard max(gzip, deflate) > 0 else { return nil }
        return deflate > gzip ? .deflate : .gzip
    }

    private func quality(of coding: Coding) -> Double { qualities[coding.rawValue] ?? qualities["*"] ?? 0 }
}
