import FlowCore
package import Imaging

/// Images that come as arrays of numbers.
extension ImageInput {
    /// The only layout in which an array of `shape` holds the model's images, or with `converting` images at all.
    /// - Throws: ``ArrayLayoutError``.
    func reading(of shape: [Int], converting: Bool) throws(ArrayLayoutError) -> ArrayLayout {
        try ArrayLayout.reading(
            of: shape, height: self.shape.height, width: self.shape.width, channels: self.shape.channels,
            converting: converting)
    }

    /// Layout of an array of `shape`: the one that was asked for, or the only one in which it holds the model's images, or where it
    /// holds none the only one in which it holds images at all: their size says more than that they are none.
    /// - Throws: ``ProblemKind/imageSize``; ``ProblemKind/parameter`` where the layout that was asked for has another number of axes.
    package func layout(of shape: [Int]) throws(Problem) -> ArrayLayout {
        if let asked = terms.layout {
            if let layout = [asked, asked.ofOneImage].first(where: { $0.sides(of: shape) != nil }) { return layout }
            throw Problem(
                .parameter,
                "layout: \(asked.rawValue) has \(asked.rawValue.count) axes, and the array has the shape \(shape)")
        }
        do {
            return try reading(of: shape, converting: terms.fit != nil)
        } catch {
            if case .none = error, let other = try? reading(of: shape, converting: true) { return other }
            throw problem(error)
        }
    }

    func problem(_ error: ArrayLayoutError) -> Problem {
        let end =
            switch error {
            case .none:
                ": a model of \(self.shape) (height x width x channels) takes \(takenShapes)" + hint
            case .several(_, let layouts):
                wording.map { "; \($0.name("layout", layouts.map(\.rawValue).joined(separator: "|"))) says which" }
                    ?? ""
            }
        return Problem(.imageSize, "shape: an array \(error)\(end)")
    }

    /// Shapes of arrays of the model's images, in words.
    private var takenShapes: String {
        let (h, w, c) = (shape.height, shape.width, shape.channels)
        let one = c == 1 ? "[\(h), \(w)], [\(h), \(w), 1]" : "[\(h), \(w), \(c)], [\(c), \(h), \(w)]"
        let many = c == 1 ? "[N, \(h), \(w)], [N, \(h), \(w), 1]" : "[N, \(h), \(w), \(c)]"
        return "\(one), \(many) or [N, \(c), \(h), \(w)]"
    }

    /// The model's rows of the images of an array in `layout`, each judged by itself.
    /// - Throws: ``ProblemKind/imageValue`` where no image's values tell whether they are levels or fractions; what is wrong with one
    ///   image stands in its place.
    package func rows(of array: NPYArray, _ layout: ArrayLayout) throws(Problem) -> [Result<[UInt8], Problem>] {
        guard var sides = layout.sides(of: array.shape) else { preconditionFailure("an array of another layout") }
        let shape = layout.isStack ? Array(array.shape.dropFirst()) : array.shape
        let dims = shape.reduce(1, *)
        let rows = (0..<sides.count).map { index in
            Result { () throws(Problem) in
                let (values, scale): ([UInt8], ValueScale)
                let elements = index * dims..<(index + 1) * dims
                do throws(NPYArray.LevelError) {
                    scale = try array.scale(levels, said: terms.scale, of: elements)
                    // what is converted is rounded to levels once, at the end
                    let levels = scale == .unit && !isOwn(sides) ? 256 : levels
                    values = try array.levels(levels, scale: scale, of: elements)
                } catch {
                    throw problem(error)
                }
                sides.count = 1
                return try pixels(ofArray: layout.ofOneImage.channelsLast(values, shape: shape), sides, scale)
            }
        }
        try checkScale(of: array, rows)
        return rows
    }

    /// Checks that where `rows` of `array` are all bad, they are not all so for want of a word on what values mean.
    /// - Throws: ``ProblemKind/imageValue``.
    func checkScale(of array: NPYArray, _ rows: [Result<[UInt8], Problem>]) throws(Problem) {
        if rows.contains(where: { (try? $0.get()) != nil }) { return }
        do {
            _ = try array.scale(levels, said: terms.scale, of: 0..<array.count)
        } catch {
            throw problem(error)
        }
    }

    /// The model's row of `H·W·C` numbers in a row.
    /// - Throws: ``ProblemKind/imageSize``, ``ProblemKind/imageValue``.
    package func row(ofFlat array: NPYArray) throws(Problem) -> [UInt8] {
        guard array.shape == [shape.dims] else {
            throw Problem(
                .imageSize,
                "image: a flat list has \(shape.dims) numbers (\(shape): height x width x channels), not \(array.count)"
            )
        }
        do {
            return arranged(
                try array.levels(
                    levels, scale: array.scale(levels, said: terms.scale, of: 0..<array.count), of: 0..<array.count))
        } catch {
            throw problem(error)
        }
    }

    /// A row of the model's size whose order is that of the layout that was asked for.
    func arranged(_ levels: [UInt8]) -> [UInt8] {
        guard terms.layout?.ofOneImage == .chw else { return levels }
        return ArrayLayout.chw.channelsLast(levels, shape: [shape.channels, shape.height, shape.width])
    }

    private func problem(_ error: NPYArray.LevelError) -> Problem {
        let wording = wording ?? .parameters
        var detail = "image: " + error.reason { wording.name("scale", $0.rawValue) }
        if case .notLevel(_, let value, _) = error, let value = Double(value), levels < 256, (0...255).contains(value),
            value == value.rounded()
        {
            let unit = wording.name("scale", ValueScale.unit.rawValue)
            detail += "; values of 0 to 255 are read as a PNG, or divided by 255 with \(unit)"
        }
        return Problem(.imageValue, detail)
    }
}
