public import HTTPTypes

/// The `Accept` field: which media types the client takes, and with which weights (RFC 9110, section 12.5.1).
public struct Accept: Sendable {
    private struct MediaRange: Sendable {
        var media: MediaType
        /// Weight, 0 to 1.
        var quality: Double

        /// How exactly the range names `offer`: 0 by `*/*`, 1 by `type/*`, 2 by its type; nil when it is not of the range.
        func specificity(for offer: MediaType) -> Int? {
            if media.type == "*" { return media.subtype == "*" ? 0 : nil }
            guard media.type == offer.type else { return nil }
            if media.subtype == "*" { return 1 }
            return media.subtype == offer.subtype ? 2 : nil
        }
    }

    private var ranges: [MediaRange] = []

    /// Whether the client said nothing of media types, and so takes any.
    public var isAnything: Bool { ranges.isEmpty }

    /// The field of a request. Parts that are no media range are passed over, as if they had not been sent.
    public init(_ fields: HTTPFields) {
        for value in fields[values: .accept] {
            for part in value.split(separator: ",", omittingEmptySubsequences: true) {
                guard var media = MediaType(parsing: part.trimmingSpace()),
                    let quality = takeQuality(from: &media.parameters)
                else { continue }
                ranges.append(MediaRange(media: media, quality: quality))
            }
        }
    }

    /// The one of `offers` that the client likes best: by quality, then by how exactly it was named, then by our own
    /// order.
    /// - Parameter offers: what the answer can be, at least one.
    /// - Throws: ``NotAcceptableError`` when the client takes none of them.
    public func best(of offers: [MediaType]) throws(NotAcceptableError) -> MediaType {
        if ranges.isEmpty { return offers[0] }
        var best: (offer: MediaType, quality: Double, specificity: Int)?
        for offer in offers {
            let matches = ranges.compactMap { range in
                range.specificity(for: offer).map { (quality: range.quality, specificity: $0) }
            }
            // The most exact range decides for its type, even if a wider one likes it better.
            guard let match = matches.max(by: { $0.specificity < $1.specificity }), match.quality > 0 else { continue }
            if best.map({ ($0.quality, $0.specificity) < (match.quality, match.specificity) }) ?? true {
                best = (offer, match.quality, match.specificity)
            }
        }
        guard let best else { throw NotAcceptableError(offers: offers) }
        return best.offer
    }
}

/// Refusal of a client that takes none of the media types that an answer can have.
public struct NotAcceptableError: Error, Equatable, Sendable {
    /// Media types that the answer can have.
    public var offers: [MediaType]

    package init(offers: [MediaType]) { self.offers = offers }
}

/// Takes the weight `q` out of `parameters` (RFC 9110, section 12.4.2): 1 when it is missing, 0 when it is no number, nil
/// when it is not from 0 to 1.
func takeQuality(from parameters: inout [String: String]) -> Double? {
    let quality = parameters.removeValue(forKey: "q").map { Double($0) ?? 0 } ?? 1
    return (0...1).contains(quality) ? quality : nil
}
