/// Tensors of a checkpoint by the library's keys. What nobody takes is a part of the flow that would be left out.
struct StateDict {
    private let tensors: [String: Safetensors.Tensor]
    private var left: Set<String>

    init(_ tensors: [String: Safetensors.Tensor]) {
        self.tensors = tensors
        left = Set(tensors.keys)
    }

    func has(_ key: String) -> Bool { tensors[key] != nil }

    /// Whether there is a key that begins with `prefix`.
    func has(prefix: String) -> Bool { tensors.keys.contains { $0.hasPrefix(prefix) } }

    /// Count of the numbers of all tensors.
    var count: Int { tensors.values.reduce(0) { $0 + $1.values.count } }

    /// Keys that nobody took, in their order.
    var rest: [String] { left.sorted() }

    /// Takes the values of a tensor, row-major.
    /// - Parameter shape: lengths of its axes, −1 for any.
    /// - Throws: ``FlowImportError``.
    mutating func take(_ key: String, shape: [Int]) throws(FlowImportError) -> Safetensors.Tensor {
        guard let tensor = tensors[key] else { throw .missingKey(key) }
        let fits = tensor.shape.count == shape.count && zip(tensor.shape, shape).allSatisfy { $1 < 0 || $0 == $1 }
        guard fits else { throw .wrongShape(key: key, expected: shape, actual: tensor.shape) }
        left.remove(key)
        return tensor
    }

    /// Takes whole numbers, such as a permutation.
    /// - Throws: ``FlowImportError``.
    mutating func takeIndices(_ key: String, count: Int = -1) throws(FlowImportError) -> [Int] {
        let values = try take(key, shape: [count]).values
        var indices: [Int] = []
        for value in values {
            guard let index = Int(exactly: value) else {
                throw .notSupported(key: key, reason: "holds \(value), which is no index")
            }
            indices.append(index)
        }
        return indices
    }

    /// Leaves out a tensor that says nothing of its own.
    mutating func ignore(_ key: String) { left.remove(key) }

    /// Takes a linear map `prefix.weight`, `prefix.bias`, and with `isMasked` `prefix.mask`, by which the weights are multiplied.
    /// - Parameter inputs: number of inputs that it must have, −1 for any.
    /// - Throws: ``FlowImportError``.
    mutating func takeLinear(
        _ prefix: String, inputs: Int = -1, outputs: Int = -1, isMasked: Bool
    ) throws(FlowImportError) -> ForeignLinear {
        let weight = try take("\(prefix).weight", shape: [outputs, inputs])
        var linear = ForeignLinear(
            inputs: weight.shape[1], outputs: weight.shape[0], weights: weight.values,
            biases: try take("\(prefix).bias", shape: [weight.shape[0]]).values, key: "\(prefix).weight")
        guard isMasked else { return linear }
        let mask = try take("\(prefix).mask", shape: weight.shape)
        linear.mask = []
        for (i, value) in mask.values.enumerated() {
            guard value == 0 || value == 1 else {
                throw .notSupported(key: "\(prefix).mask", reason: "holds \(value); a mask is 0 or 1")
            }
            linear.mask.append(value == 1)
            if value == 0 { linear.weights[i] = 0 }
        }
        ignore("\(prefix).degrees")
        return linear
    }
}

/// A linear map of a checkpoint.
struct ForeignLinear {
    let inputs: Int
    let outputs: Int
    /// Weights, `[outputs, inputs]`, row-major; zero where a mask is.
    var weights: [Float]
    /// Biases, `[outputs]`.
    var biases: [Float]
    /// Which inputs each output reads, `[outputs, inputs]`; empty without a mask.
    var mask: [Bool] = []
    /// Key of the weights, for errors.
    let key: String
}
