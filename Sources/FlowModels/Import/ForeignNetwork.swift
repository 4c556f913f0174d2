import FlowKernels

/// One parameter of a transform as another library makes it: `scale · row + offset` of a row of the network's last map.
struct ForeignParameter {
    var row: Int
    var scale: Float = 1
    var offset: Float = 0
}

/// A dense network of a checkpoint, whose last map makes the parameters of transforms.
struct ForeignNetwork {
    /// Linear maps, the first one first.
    var layers: [ForeignLinear]
    /// Whether the layers behind the first are residual blocks of two.
    var isResidual = false
    /// Parameters, `[transformed dimension][parameter]`, in the order of ours.
    var parameters: [[ForeignParameter]]

    /// Widths of the hidden layers.
    var hidden: [Int] { layers.dropLast().map(\.outputs) }

    /// The parameters as one list, dimension by dimension: our rows.
    private var rows: [ForeignParameter] { parameters.flatMap(\.self) }

    /// Weights and biases as our conditioner without masks has them, by their names behind `prefix`.
    func arrays(_ prefix: String) -> [String: [Float]] {
        var arrays: [String: [Float]] = [:]
        for (l, layer) in layers.dropLast().enumerated() {
            arrays["\(prefix).weights.\(l)"] = layer.weights
            arrays["\(prefix).biases.\(l)"] = layer.biases
        }
        let last = layers[layers.count - 1]
        arrays["\(prefix).weights.\(layers.count - 1)"] = rows.flatMap { own in
            last.weights[own.row * last.inputs..<(own.row + 1) * last.inputs].map { own.scale * $0 }
        }
        arrays["\(prefix).biases.\(layers.count - 1)"] = rows.map { $0.scale * last.biases[$0.row] + $0.offset }
        return arrays
    }
}

/// A masked network of a checkpoint with its units sorted by degree: by how many positions they may know of.
///
/// Ours has `1 + ⌊j(D − 1)/H⌋` as the degree of unit `j`: with `H = m(D − 1)` each degree has `m` units. A foreign unit takes a place
/// of its own degree, and the places that are left are zero, so any masks of an autoregressive network fit, at the price of those places.
/// Units that know nothing are constants; they become a part of the biases above them.
///
/// Source: Germain et al., *MADE* (2015), §3 and §4, arXiv:1502.03509.
struct SortedNetwork {
    private let network: ForeignNetwork
    /// Degree of every unit of every hidden layer.
    private let degrees: [[Int]]
    /// Position of each input.
    private let positions: [Int]
    private let dims: Int
    /// Biases with what constant units add to them, of every layer.
    private let biases: [[Float]]

    /// - Parameter positions: place of each input in the order of the map, from 0.
    /// - Throws: ``FlowImportError/notSupported(key:reason:)`` for masks that are not autoregressive in this order.
    init(_ network: ForeignNetwork, positions: [Int], activation: Activation) throws(FlowImportError) {
        let widths = network.hidden
        guard !network.isResidual || (widths.count % 2 == 1 && widths.allSatisfy({ $0 == widths[0] })) else {
            throw .notSupported(
                key: network.layers[0].key, reason: "the layers of a residual network have different widths")
        }
        self.network = network
        self.positions = positions
        dims = positions.count
        var degrees: [[Int]] = []
        var below = positions.map { $0 + 1 }
        for (l, layer) in network.layers.dropLast().enumerated() {
            var own = Self.most(of: layer, below)
            // what a block adds to a unit may know no more than the unit
            if network.isResidual, l >= 2, l % 2 == 0 {
                guard zip(own, degrees[l - 2]).allSatisfy(<=) else {
                    throw .notSupported(key: layer.key, reason: "adds to a unit what the unit may not know")
                }
                own = degrees[l - 2]
            }
            guard !network.isResidual || own.allSatisfy({ $0 > 0 }) else {
                throw .notSupported(key: layer.key, reason: "has units that read nothing, between residual blocks")
            }
            degrees.append(own)
            below = own
        }
        let last = network.layers[network.layers.count - 1]
        let read = Self.most(of: last, below)
        for (place, position) in positions.enumerated() {
            guard network.parameters[place].allSatisfy({ read[$0.row] <= position }) else {
                throw .notSupported(
                    key: last.key, reason: "dimension \(place) depends on itself or on what comes after it")
            }
        }
        self.degrees = degrees
        biases = Self.biases(network, degrees, activation)
    }

    /// Highest degree that each output of `layer` reads; 0 where it reads nothing.
    private static func most(of layer: ForeignLinear, _ below: [Int]) -> [Int] {
        (0..<layer.outputs).map { u in
            (0..<layer.inputs).reduce(0) { layer.mask[u * layer.inputs + $1] ? max($0, below[$1]) : $0 }
        }
    }

    /// Biases of every layer with what the constant units of the layer below add to them.
    private static func biases(_ network: ForeignNetwork, _ degrees: [[Int]], _ activation: Activation) -> [[Float]] {
        var biases = [network.layers[0].biases]
        for (l, layer) in network.layers.enumerated().dropFirst() {
            var constants = biases[l - 1]
            var span = constants.mutableSpan
            Kernels.best.activate(activation, x: &span, offset: 0, rows: 1, columns: span.count, stride: span.count)
            biases.append(
                (0..<layer.outputs).map { u in
                    degrees[l - 1].enumerated().reduce(layer.biases[u]) { sum, unit in
                        unit.element == 0
                            ? sum + layer.weights[u * layer.inputs + unit.offset] * constants[unit.offset] : sum
                    }
                })
        }
        return biases
    }

    /// Number of places of each degree that each hidden layer needs.
    var places: [Int] {
        degrees.map { degrees in
            var counts = [Int](repeating: 0, count: dims)
            for degree in degrees { counts[degree] += 1 }
            return max(1, counts.dropFirst().max() ?? 1)
        }
    }

    /// Weights and biases as our conditioner has them, by their names behind `prefix`.
    /// - Parameter places: number of places of each degree of every hidden layer, at least ``places``.
    func arrays(_ prefix: String, places: [Int]) -> [String: [Float]] {
        var arrays: [String: [Float]] = [:]
        var below: [Int?] = positions
        var inputs = dims
        for (l, layer) in network.layers.dropLast().enumerated() {
            let slots = slots(of: degrees[l], places: places[l])
            let outputs = places[l] * (dims - 1)
            var weights = [Float](repeating: 0, count: outputs * inputs)
            var own = [Float](repeating: 0, count: outputs)
            for (u, slot) in slots.enumerated() {
                guard let slot else { continue }
                own[slot] = biases[l][u]
                for (i, input) in below.enumerated() {
                    if let input { weights[slot * inputs + input] = layer.weights[u * layer.inputs + i] }
                }
            }
            arrays["\(prefix).weights.\(l)"] = weights
            arrays["\(prefix).biases.\(l)"] = own
            (below, inputs) = (slots, outputs)
        }
        let l = network.layers.count - 1
        let (layer, count) = (network.layers[l], network.parameters[0].count)
        var weights = [Float](repeating: 0, count: dims * count * inputs)
        var own = [Float](repeating: 0, count: dims * count)
        for (place, position) in positions.enumerated() {
            for (j, parameter) in network.parameters[place].enumerated() {
                let row = position * count + j
                own[row] = parameter.scale * biases[l][parameter.row] + parameter.offset
                for (i, input) in below.enumerated() {
                    if let input {
                        weights[row * inputs + input] =
                            parameter.scale * layer.weights[parameter.row * layer.inputs + i]
                    }
                }
            }
        }
        arrays["\(prefix).weights.\(l)"] = weights
        arrays["\(prefix).biases.\(l)"] = own
        return arrays
    }

    /// Place of each unit among those of its degree; nil for a constant.
    private func slots(of degrees: [Int], places: Int) -> [Int?] {
        var taken = [Int](repeating: 0, count: dims)
        return degrees.map { degree in
            guard degree > 0 else { return nil }
            defer { taken[degree] += 1 }
            return places * (degree - 1) + taken[degree]
        }
    }
}
