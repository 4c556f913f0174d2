public import DataSets

extension ImageDataSet {
    /// Values of all images, one after the other, of a set in memory.
    public var pixels: [UInt8] { (0..<count).flatMap { try! self[$0] } }
}
