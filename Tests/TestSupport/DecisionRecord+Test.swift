public import FlowModels
import FlowCore

extension DecisionRecord {
    /// Decision by the evidence of images without classes.
    public init(split: String, values: [[Double]]) {
        self.init(split: split, images: values.map { HeldOut(values: $0) })
    }

    /// Decision by the evidence of 80 made-up images, of which the log-density is about `−sum`.
    /// - Parameter classes: classes that the images are of in turn, with a decision for each; 0 for none.
    public static func test(classes: Int = 0) -> DecisionRecord {
        var stream = RandomStream(seed: 1, stream: 0)
        let images = (0..<80).map { i in
            let values = Evidence.all.map { kind -> Double in
                // A model that has neither a background model nor terms of pixels.
                if kind.name == "background_ratio" || kind.name.hasPrefix("pixel_") { return .nan }
                let drawn = Double(stream.uniform())
                return kind.name == "log_density" ? -6 - 10 * drawn : 20 * drawn
            }
            return HeldOut(values: values, own: classes > 0 ? (i % classes, values) : nil)
        }
        return DecisionRecord(split: "validation", images: images, classes: classes)
    }
}
