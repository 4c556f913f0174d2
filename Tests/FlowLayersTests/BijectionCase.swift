import FlowCore
import FlowKernels
import FlowLayers
import TestSupport
import Testing

/// A bijection of the law table, with parameters moved away from their start.
struct BijectionCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    private let make: @Sendable (_ dims: Int) throws -> any Bijection

    private init(_ name: String, _ make: @escaping @Sendable (_ dims: Int) throws -> any Bijection) {
        testDescription = name
        self.make = make
    }

    /// The map of `dims` dimensions, 2 or more.
    func map(dims: Int) throws -> any Bijection { try make(dims) }

    /// Every bijection is a row here.
    static let all = [
        Self("ActNorm") { perturbed(ActNorm(dims: $0), scale: 0.4) },

        Self("MaskedAutoregressive") { try masked($0) },
        Self("MaskedAutoregressive, reversed") { try masked($0, reversed: true) },
        Self("MaskedAutoregressive, fewer hidden units than dimensions") { try masked($0, hidden: [3]) },
        Self("MaskedAutoregressive, tanh") { try masked($0, .tanh) },
        Self("MaskedAutoregressive, ELU, reversed") { try masked($0, .elu, reversed: true) },
        Self("MaskedAutoregressive, residual blocks, GELU") { try masked($0, blocks: 2, .gelu) },
        Self("MaskedAutoregressive, splines") { try masked($0, by: .spline(bins: 5, tailBound: 2.5)) },
        Self("MaskedAutoregressive, two-bin splines, reversed, tanh") {
            try masked($0, .tanh, reversed: true, by: .spline(bins: 2, tailBound: 4))
        },
        Self("MaskedAutoregressive, shifts") { try masked($0, by: .shift) },
        Self("MaskedAutoregressive, shifts, reversed, residual blocks, GELU") {
            try masked($0, blocks: 1, .gelu, reversed: true, by: .shift)
        },
        Self("MaskedAutoregressive, scales by softplus, residual blocks") {
            try masked($0, blocks: 1, by: .softplusAffine)
        },
        Self("MaskedAutoregressive, scales by the logistic function, reversed, tanh") {
            try masked($0, .tanh, reversed: true, by: .logisticAffine)
        },
        Self("MaskedAutoregressive, mixtures") { try masked($0, by: .mixture(components: 4, scaleBound: 3)) },
        Self("MaskedAutoregressive, mixtures, reversed, tanh") {
            try masked($0, .tanh, reversed: true, by: .mixture(components: 2, scaleBound: 7))
        },

        Self("Coupling, parity 0") { try coupling($0, parity: 0) },
        Self("Coupling, parity 1") { try coupling($0, parity: 1) },
        Self("Coupling, residual blocks, GELU") { try coupling($0, parity: 1, blocks: 1, .gelu) },
        Self("Coupling, scales by softplus, parity 0, ELU") {
            try coupling($0, parity: 0, .elu, by: .softplusAffine)
        },
        Self("Coupling, scales by the logistic function, parity 1") {
            try coupling($0, parity: 1, by: .logisticAffine)
        },
        Self("Coupling, splines, parity 0") { try coupling($0, parity: 0, by: .spline(bins: 8, tailBound: 6)) },
        Self("Coupling, splines, parity 1, residual blocks, GELU") {
            try coupling($0, parity: 1, blocks: 1, .gelu, by: .spline(bins: 5, tailBound: 2.5))
        },
        Self("Coupling, shifts, parity 0") { try coupling($0, parity: 0, by: .shift) },
        Self("Coupling, shifts, parity 1, residual blocks, ELU") {
            try coupling($0, parity: 1, blocks: 1, .elu, by: .shift)
        },
        Self("Coupling, mixtures, parity 0") {
            try coupling($0, parity: 0, by: .mixture(components: 7, scaleBound: 7))
        },
        Self("Coupling, mixtures, parity 1, residual blocks, ELU") {
            try coupling($0, parity: 1, blocks: 1, .elu, by: .mixture(components: 3, scaleBound: 3))
        },

        Self("InverseAutoregressive") { try inverted(masked($0)) },
        Self("InverseAutoregressive, reversed, ELU") { try inverted(masked($0, .elu, reversed: true)) },
        Self("InverseAutoregressive, fewer hidden units than dimensions") { try inverted(masked($0, hidden: [3])) },
        Self("InverseAutoregressive, residual blocks, GELU") { try inverted(masked($0, blocks: 2, .gelu)) },
        Self("InverseAutoregressive, scales by the logistic function") {
            try inverted(masked($0, by: .logisticAffine))
        },
        Self("InverseAutoregressive, splines, tanh") {
            try inverted(masked($0, .tanh, reversed: true, by: .spline(bins: 3, tailBound: 4)))
        },
        Self("InverseAutoregressive, mixtures, tanh") {
            try inverted(masked($0, .tanh, by: .mixture(components: 3, scaleBound: 3)))
        },
        Self("Inverted, of InverseAutoregressive") { try inverted(inverted(masked($0, .tanh, reversed: true))) },
        Self("Inverted, of ActNorm") { inverted(perturbed(ActNorm(dims: $0), scale: 0.4)) },
        Self("Inverted, of Coupling, parity 1, GELU") { try inverted(coupling($0, parity: 1, .gelu)) },
        Self("Inverted, of Coupling, splines, parity 0") {
            try inverted(coupling($0, parity: 0, by: .spline(bins: 8, tailBound: 6)))
        },

        Self("Permutation") { dims in
            dims == 2
                ? Permutation.factorOut(dims: dims, layout: layout(2, channels: 2)).map
                : try Permutation.squeeze(dims: dims, layout: layout(dims, channels: 1)).map
        },
        Self("Permutation, checkerboard") { dims in
            Permutation.checkerboard(dims: dims, layout: ImageLayout(height: 1, width: dims / 4, channels: 4))
        },
        Self("InvertibleConvolution") { dims in
            var random: RandomStream? = RandomStream(seed: 11, stream: 0)
            return perturbed(
                InvertibleConvolution(dims: dims, layout: layout(dims, channels: 2), random: &random), scale: 0.2)
        },
        Self("ImageMap, channels, splines, gated") {
            try image(
                $0, .channels(keyIsFirst: true), gated: true, channels: 2, by: .spline(bins: 5, tailBound: 2.5))
        },
        Self("ImageMap, causal, splines, gated") {
            try image($0, .causal(reversed: false), gated: true, by: .spline(bins: 4, tailBound: 3))
        },
        Self("ImageMap, channels, mixtures") {
            try image($0, .channels(keyIsFirst: false), channels: 2, by: .mixture(components: 4, scaleBound: 3))
        },
        Self("ImageMap, causal, mixtures, gated") {
            try image($0, .causal(reversed: true), gated: true, by: .mixture(components: 3, scaleBound: 3))
        },
        Self("ImageMap, causal, predicted, mixtures, gated") {
            try image(
                $0, .causal(reversed: false), gated: true, channels: 2, predictor: 3,
                by: .mixture(components: 3, scaleBound: 3))
        },
        Self("ImageMap, causal, predicted from 5×5") {
            try image($0, .causal(reversed: false), kernel: 5, predictor: 5)
        },
        Self("ImageMap, causal, reversed, kernel of 5") {
            try image($0, .causal(reversed: true), kernel: 5, channels: 2)
        },
    ]

    private static func masked(
        _ dims: Int, hidden: [Int] = [13, 11], blocks: Int = 0, _ activation: Activation = .relu,
        reversed: Bool = false, by transform: UnivariateTransform = .affine(logScaleBound: 3)
    ) throws -> any Bijection {
        var random: RandomStream? = RandomStream(seed: 11, stream: 0)
        let map = try MaskedAutoregressive(
            dims: dims, shape: shape(hidden, blocks, activation), reversed: reversed, transform: transform,
            random: &random)
        return perturbed(map, scale: 0.2)
    }

    private static func coupling(
        _ dims: Int, parity: Int, blocks: Int = 0, _ activation: Activation = .relu,
        by transform: UnivariateTransform = .affine(logScaleBound: 3)
    ) throws -> any Bijection {
        var random: RandomStream? = RandomStream(seed: 11, stream: 0)
        let map = try Coupling(
            dims: dims, shape: shape([9, 7], blocks, activation), parity: parity, transform: transform, random: &random
        )
        return perturbed(map, scale: 0.2)
    }

    /// Layers of some sizes, or residual blocks of 9 units.
    private static func shape(_ hidden: [Int], _ blocks: Int, _ activation: Activation) -> ConditionerShape {
        ConditionerShape(
            hidden: blocks == 0 ? hidden : Array(repeating: 9, count: 1 + 2 * blocks), activation: activation,
            isResidual: blocks > 0)
    }

    /// An image in the first dimensions of the event, with one or two channels.
    private static func image(
        _ dims: Int, _ mask: ImageMask, kernel: Int = 3, gated: Bool = false, channels: Int = 1, predictor: Int = 0,
        by transform: UnivariateTransform = .affine(logScaleBound: 3)
    ) throws -> any Bijection {
        var random: RandomStream? = RandomStream(seed: 11, stream: 0)
        let shape = ConvolutionalShape(channels: 16, blocks: 2, kernel: kernel, isGated: gated, activation: .gelu)
        let map = try ImageMap(
            dims: dims, layout: layout(dims, channels: channels), mask: mask, shape: shape, predictor: predictor,
            transform: transform, random: &random)
        return perturbed(map, scale: 0.1)
    }

    private static func layout(_ dims: Int, channels: Int) -> ImageLayout {
        switch dims {
        case 2: ImageLayout(height: 1, width: 2 / channels, channels: channels)
        case 5: ImageLayout(height: 2 / channels, width: 2, channels: channels)
        default: ImageLayout(height: 4, width: 10 / channels, channels: channels)
        }
    }

    private static func perturbed(_ map: some Bijection, scale: Float) -> any Bijection {
        BijectionLaws.perturbed(map, scale: scale, seed: 12)
    }

    private static func inverted(_ map: any Bijection) -> any Bijection { BijectionLaws.inverted(map) }
}
