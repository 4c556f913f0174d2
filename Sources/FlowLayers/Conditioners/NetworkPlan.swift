/// Places in which the passes outside of training keep the values of a network; they forget each as soon as nobody asks for it any
/// more.
///
/// A value is asked for in two forms: as a layer reads it, activated or not, and as it is, a sum, where it is added to a later one
/// or read without an activation. The first form has two places, taken in turn. The second has as many as are needed at a time:
/// in a residual network one, the stream, to which every block adds in place.
struct NetworkPlan: Sendable, Equatable {
    /// Use of the value that a hidden layer makes.
    struct Step: Sendable, Equatable {
        /// Place of the value as it is; nil where only its activation is asked for.
        var sum: Int?
        /// Place of the value that is added; nil for none. It is ``sum`` where it is added in place, else one that is still needed.
        var skip: Int?
        /// Whether the next layer reads the value's activation, and not the value as it is.
        var isActivated: Bool
    }

    /// Steps of the hidden layers, one for each layer but the last.
    let steps: [Step]
    /// Number of places for sums.
    let sums: Int

    init(_ description: NetworkDescription) {
        let layers = description.layers
        var steps: [Step] = []
        var places: [Int?] = [nil]
        /// Returns the layer that asks last for a value as it is; nil if none does.
        func lastUse(_ value: Int) -> Int? {
            (value..<layers.count).last { layers[$0].skip == value || $0 == value && !layers[$0].isActivated }
        }
        var count = 0
        for k in 0..<layers.count - 1 {
            let skip = layers[k].skip
            let isActivated = layers[k + 1].isActivated
            guard description.isPart(k) || lastUse(k + 1) != nil else {
                steps.append(Step(isActivated: isActivated))
                places.append(nil)
                continue
            }
            // the place of a value that this layer still reads as it is cannot be taken
            let isInPlace = skip.map { lastUse($0) == k && ($0 != k || layers[k].isActivated) } ?? false
            let taken = (1..<max(1, places.count)).filter { (lastUse($0) ?? -1) >= k }.compactMap { places[$0] }
            let place = isInPlace ? places[skip!]! : (0...count).first { !taken.contains($0) }!
            count = max(count, place + 1)
            steps.append(Step(sum: place, skip: skip.map { places[$0]! }, isActivated: isActivated))
            places.append(place)
        }
        self.steps = steps
        sums = count
    }
}
