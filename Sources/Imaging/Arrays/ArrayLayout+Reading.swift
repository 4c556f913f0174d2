extension ArrayLayout {
    /// Numbers of channels that images have: the axis of an array that is as long may be that of the colours.
    private static let channels = 1...4

    /// The layout in which an array of `shape` holds images of `height` × `width` pixels of `channels` values.
    ///
    /// - Parameters:
    ///   - layouts: those that come into question.
    ///   - converting: whether images of other sides are welcome too. They are read as ``reading(of:among:)`` does where none has
    ///     these sides; of several layouts that one is taken whose axis of colours is as long as those images', unless it comes first
    ///     and the last may be one as well.
    /// - Throws: ``ArrayLayoutError``.
    public static func reading(
        of shape: [Int], height: Int, width: Int, channels: Int, converting: Bool = false,
        among layouts: [ArrayLayout] = allCases
    ) throws(ArrayLayoutError) -> ArrayLayout {
        let fitting = layouts.filter {
            $0.sides(of: shape)?.isOf(height: height, width: width, channels: channels) == true
        }
        if let layout = try only(distinct(fitting, shape), shape) { return layout }
        guard converting else { throw .none(shape: shape) }
        let possible = readings(of: shape, among: layouts)
        let colored = possible.filter { channels > 1 && $0.sides(of: shape)?.channels == channels }
        if colored.count == 1, colored[0].hasChannelsLast || !possible.contains(where: \.hasChannelsLast) {
            return colored[0]
        }
        guard let layout = try only(possible, shape) else { throw .none(shape: shape) }
        return layout
    }

    /// The layout in which an array of `shape` holds images of 1 to 4 channels, whatever their size: an axis of that length at the
    /// end, or where a layout has its channels in front, is that of the colours.
    ///
    /// - Parameter layouts: those that come into question.
    /// - Throws: ``ArrayLayoutError``, also for three or four images `[N, H, W]`, which might be one of so many channels.
    public static func reading(
        of shape: [Int], among layouts: [ArrayLayout] = allCases
    ) throws(ArrayLayoutError) -> ArrayLayout {
        guard let layout = try only(readings(of: shape, among: layouts), shape) else { throw .none(shape: shape) }
        return layout
    }

    /// Layouts in which an array of `shape` holds images as ``reading(of:among:)`` says, each other ones.
    private static func readings(of shape: [Int], among layouts: [ArrayLayout]) -> [ArrayLayout] {
        var found = layouts.filter { layout in
            guard let sides = layout.sides(of: shape), sides.height > 0, sides.width > 0 else { return false }
            // two images are likelier than one with an alpha channel whose channels come first
            return channels.contains(sides.channels) && !(layout == .chw && sides.channels == 2)
        }
        // with its last axis that of the colours, an array is one image and no stack of very narrow ones
        if found.contains(.hwc) { found.removeAll { $0 == .nhw } }
        return distinct(found, shape)
    }

    /// The `layouts` without those that make the same images of an array of `shape` as one before.
    private static func distinct(_ layouts: [ArrayLayout], _ shape: [Int]) -> [ArrayLayout] {
        layouts.indices.filter { index in
            guard let sides = layouts[index].sides(of: shape), sides.channels == 1 else { return true }
            return !layouts[..<index].contains { $0.sides(of: shape) == sides }
        }.map { layouts[$0] }
    }

    private static func only(_ layouts: [ArrayLayout], _ shape: [Int]) throws(ArrayLayoutError) -> ArrayLayout? {
        guard layouts.count < 2 else { throw .several(shape: shape, layouts: layouts) }
        return layouts.first
    }
}

extension ArrayLayoutError: CustomStringConvertible {
    /// What is wrong, as the end of a sentence that begins with the name of the array.
    public var description: String {
        switch self {
        case .none(let shape): return "of the shape \(shape) is no image, and no stack of images"
        case .several(let shape, let layouts):
            let readings = layouts.map { layout in
                let sides = layout.sides(of: shape)!  // it is a reading of this shape
                return "\(layout.rawValue), \(sides)"
            }
            return "of the shape \(shape) can be read as \(readings.joined(separator: ", or as "))"
        }
    }
}

extension ArraySides: CustomStringConvertible {
    /// Number and sides of the images, such as `3 images of 28x28x1`: height, width and channels.
    public var description: String {
        "\(count) \(count == 1 ? "image" : "images") of \(height)x\(width)x\(channels)"
    }
}
