import FlowModels
import HTTPContent
import HTTPTypes

extension HTTPField.Name {
    /// Largest round-trip error of an answer's images, by what it is measured in: `levels=0, input=1.9e-06, latent=3.1e-06`.
    static let roundTripError = HTTPField.Name("Tusk-Round-Trip-Error")!
    /// Method by which images were completed.
    static let method = HTTPField.Name("Tusk-Method")!
}

extension EncodedLatent.RoundTripError {
    var json: JSON { ["levels": .integer(levels), "input": .float(input)] }
}

extension JSON {
    /// Round-trip error of a latent; null where it is not finite.
    static func roundTripError(latent: Float) -> JSON { ["latent": .float(latent)] }
}

/// Text of ``HTTPField/Name/roundTripError`` of some images and some latents; an error that is not finite is `inf`.
func roundTripErrors(_ images: [EncodedLatent], latents: [Float] = []) -> String {
    var parts: [String] = []
    if !images.isEmpty {
        let levels = images.map { $0.roundTripError.map { "\($0.levels)" } ?? "inf" }
        let worst = levels.contains("inf") ? "inf" : "\(levels.compactMap(Int.init).max() ?? 0)"
        let input = images.map { $0.roundTripError?.input ?? .infinity }.max() ?? 0
        parts += ["levels=\(worst)", "input=\(input)"]
    }
    if let latent = latents.max() { parts.append("latent=\(latent)") }
    return parts.joined(separator: ", ")
}
