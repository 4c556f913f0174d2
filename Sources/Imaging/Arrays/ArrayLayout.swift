/// Order of the axes of an array that holds images: N counts images, H rows, W columns, C the channels of a pixel.
///
/// The cases are in the order in which a reading is preferred to another of the very same images.
public enum ArrayLayout: String, Sendable, CaseIterable {
    case hw = "HW"
    case hwc = "HWC"
    case nhw = "NHW"
    case nhwc = "NHWC"
    case chw = "CHW"
    case nchw = "NCHW"

    /// Whether the array holds any number of images, and not just one.
    public var isStack: Bool { rawValue.hasPrefix("N") }

    /// Whether the last axis is that of the channels.
    var hasChannelsLast: Bool { rawValue.hasSuffix("C") }

    /// The same order for one image of a stack; its own of one image.
    public var ofOneImage: ArrayLayout {
        switch self {
        case .nhw: .hw
        case .nhwc: .hwc
        case .nchw: .chw
        case .hw, .hwc, .chw: self
        }
    }

    /// Lengths of the axes of the array `[count, height, width, channels]` that an array of `shape` is in this layout; nil where
    /// `shape` has another number of axes.
    public func sides(of shape: [Int]) -> ArraySides? {
        guard shape.count == rawValue.count else { return nil }
        func side(_ axis: Character) -> Int {
            rawValue.firstIndex(of: axis).map { shape[rawValue.distance(from: rawValue.startIndex, to: $0)] } ?? 1
        }
        return ArraySides(count: side("N"), height: side("H"), width: side("W"), channels: side("C"))
    }

    /// Elements of an array in this layout, brought into the order `[count, height, width, channels]`.
    ///
    /// - Parameter width: members of `elements` that make one element: its bytes, where `elements` are bytes.
    /// - Precondition: `shape` has the layout's number of axes, and `elements` `width` members for each of its elements.
    public func channelsLast<Member>(_ elements: [Member], shape: [Int], width: Int = 1) -> [Member] {
        guard let sides = sides(of: shape) else { preconditionFailure("a shape of another layout") }
        let pixels = sides.height * sides.width
        precondition(elements.count == sides.count * pixels * sides.channels * width)
        guard rawValue.hasSuffix("CHW"), sides.channels > 1 else { return elements }
        var result: [Member] = []
        result.reserveCapacity(elements.count)
        for image in 0..<sides.count {
            for pixel in 0..<pixels {
                for channel in 0..<sides.channels {
                    let start = ((image * sides.channels + channel) * pixels + pixel) * width
                    result += elements[start..<start + width]
                }
            }
        }
        return result
    }
}

/// Lengths of the axes of an array `[count, height, width, channels]` of images.
public struct ArraySides: Sendable, Equatable {
    /// Number of images.
    public var count: Int
    /// Rows of pixels of an image.
    public var height: Int
    /// Pixels in a row.
    public var width: Int
    /// Values of a pixel.
    public var channels: Int

    public init(count: Int, height: Int, width: Int, channels: Int) {
        (self.count, self.height, self.width, self.channels) = (count, height, width, channels)
    }

    /// Whether an image has so many rows, columns and channels.
    func isOf(height: Int, width: Int, channels: Int) -> Bool {
        (self.height, self.width, self.channels) == (height, width, channels)
    }
}

/// Reason why nobody can say which axis of an array is which.
public enum ArrayLayoutError: Error, Equatable, Sendable {
    /// No layout makes images of an array of `shape`.
    case none(shape: [Int])
    /// Each of `layouts` makes other images of an array of `shape`.
    case several(shape: [Int], layouts: [ArrayLayout])
}
