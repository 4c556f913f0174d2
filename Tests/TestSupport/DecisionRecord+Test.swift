public import FlowModels
import FlowCore

extension DecisionRecord {
    /// Decision by the evidence of 80 made-up images, of which the log-density is about `−sum`.
    public static func test() -> DecisionRecord {
        var stream = RandomStream(seed: 1, stream: 0)
        let values = (0..<80).map { _ in
            Evidence.all.indices.map { e in e == 0 ? -6 - 10 * Double(stream.uniform()) : Double(stream.uniform()) * 20
            }
        }
        return DecisionRecord(split: "validation", values: values)
    }
}
