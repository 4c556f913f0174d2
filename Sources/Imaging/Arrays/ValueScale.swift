/// Meaning of the values of an array of an image.
public enum ValueScale: String, Sendable, CaseIterable {
    /// Levels: whole numbers from 0 to the model's top level.
    case levels
    /// Fractions of the top level, 0 to 1, of which ``NPYArray/levels(_:scale:)`` makes levels.
    case unit
}

extension NPYArray {
    /// Reason why an array has no levels.
    public enum LevelError: Error, Equatable, Sendable {
        /// The element at `position`, an index for each axis, is `value`, and no whole number in `0 ..< levels`.
        case notLevel(position: [Int], value: String, levels: Int)
        /// The element at `position`, an index for each axis, is `value`, and no fraction from 0 to 1.
        case notUnit(position: [Int], value: String)
        /// All elements, of type `type`, are from 0 to 1, and not all 0: fractions of the top of `levels` levels, in all likelihood,
        /// which only who sent them can say.
        case unsaid(type: ElementType, levels: Int)

        /// The reason in words.
        /// - Parameter option: how a scale is said here, such as "scale=unit".
        public func reason(_ option: (ValueScale) -> String) -> String {
            switch self {
            case .notLevel(let position, let value, let levels):
                let isFraction = Double(value).map { 0 < $0 && $0 < 1 } ?? false
                let hint = isFraction ? "; \(option(.unit)) reads fractions of \(levels - 1)" : ""
                return "values are whole numbers from 0 to \(levels - 1), not \(value) at \(position)\(hint)"
            case .notUnit(let position, let value):
                return "with \(option(.unit)) values are from 0 to 1, not \(value) at \(position)"
            case .unsaid(let type, let levels):
                return
                    "all values (\(type.name)) are from 0 to 1: \(option(.unit)) reads them as fractions of \(levels - 1), "
                    + "\(option(.levels)) as the levels 0 and 1"
            }
        }
    }

    /// The elements as levels `0 ..< levels`, `levels` up to 256, by their whole array's scale.
    /// - Throws: ``LevelError``, of the first element that is none.
    public func levels(_ levels: Int, scale: ValueScale? = nil) throws(LevelError) -> [UInt8] {
        try self.levels(levels, scale: try self.scale(levels, said: scale, of: 0..<count), of: 0..<count)
    }

    /// What the elements in `range` of all mean for a model of `levels` levels: what was said, else levels.
    /// - Throws: ``LevelError/unsaid(type:levels:)`` for floats and booleans that may be fractions as well, where nothing was said.
    public func scale(_ levels: Int, said: ValueScale?, of range: Range<Int>) throws(LevelError) -> ValueScale {
        if let said { return said }
        guard levels > 2, elementType == .bool || elementType.isFloat, !exceedsUnit(range) else { return .levels }
        if range.contains(where: { double($0) != 0 }) { throw .unsaid(type: elementType, levels: levels) }
        return .levels
    }

    /// Whether an element is not from 0 to 1, so that the array cannot be one of fractions.
    public var exceedsUnit: Bool { exceedsUnit(0..<count) }

    private func exceedsUnit(_ range: Range<Int>) -> Bool { range.contains { !(0...1).contains(double($0)) } }

    /// The elements in `range` of all as levels `0 ..< levels`, `levels` up to 256.
    ///
    /// Levels are whole numbers, floats too. Fractions are multiplied by `levels - 1` and rounded to the nearest whole number, halves to
    /// the even one, as `numpy.rint` does; a true boolean is the top level.
    /// - Throws: ``LevelError/notLevel(position:value:levels:)``, ``LevelError/notUnit(position:value:)`` of the first element that
    ///   has no level.
    public func levels(_ levels: Int, scale: ValueScale, of range: Range<Int>) throws(LevelError) -> [UInt8] {
        precondition((2...256).contains(levels) && range.lowerBound >= 0 && range.upperBound <= count)
        if elementType == .uint8, scale == .levels {
            if levels < 256, let index = range.first(where: { bytes[$0] >= levels }) {
                throw .notLevel(position: position(index), value: text(index), levels: levels)
            }
            return Array(bytes[range])
        }
        let top = Double(levels - 1)
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        for index in range {
            let value = double(index)
            switch scale {
            case .levels:
                // Rounding an integer beyond 2⁵³ does not bring it down to a level.
                guard let level = UInt8(exactly: value), level < levels else {
                    throw .notLevel(position: position(index), value: text(index), levels: levels)
                }
                result.append(level)
            case .unit:
                guard (0...1).contains(value) else { throw .notUnit(position: position(index), value: text(index)) }
                result.append(UInt8((value * top).rounded(.toNearestOrEven)))
            }
        }
        return result
    }
}
