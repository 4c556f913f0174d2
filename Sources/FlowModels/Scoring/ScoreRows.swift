extension ModelRecord {
    /// Rows whose densities an image's score is made of, one for each of its dequantization draws: with evidence where `detail` asks for
    /// what the model can decide by, of the first draw alone.
    /// - Parameters:
    ///   - classIndex: class that the density is given; nil for none.
    ///   - wantsClasses: whether the classes' posterior and set are wanted where they cost more passes.
    public func rows(
        of pixels: [UInt8], draws: Int, classIndex: Int?, detail: ScoreDetail, wantsClasses: Bool
    ) -> [DensityRow] {
        let wantsEvidence = detail != .none && decision(givenClass: classIndex) != nil
        return (0..<draws).map {
            DensityRow(
                pixels: pixels, draw: UInt32($0), classIndex: classIndex, wantsEvidence: $0 == 0 && wantsEvidence,
                wantsClasses: wantsClasses)
        }
    }
}

extension ImageScore {
    /// Row of which ``pixelMap`` is computed: of a mixture that of the most probable class.
    public func pixelMapRow(of pixels: [UInt8]) -> DensityRow {
        DensityRow(pixels: pixels, classIndex: classIndex ?? (record.infersClass ? nil : mostProbableClass))
    }
}
