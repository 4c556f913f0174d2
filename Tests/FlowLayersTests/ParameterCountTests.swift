import FlowCore
import FlowKernels
import FlowLayers
import Testing

@Suite("Parameter counts of masked networks")
struct ParameterCountTests {
    @Test(
        "known from the sizes are those of the arrays", arguments: [1, 2, 3, 9, 40],
        [([1], 0), ([4], 3), ([5, 2], 0), ([64, 48, 10], 0), ([64, 48, 10], 7), ([3, 3, 3], 1)] as [([Int], Int)])
    func counts(dims: Int, _ sizes: (hidden: [Int], contextDims: Int)) throws {
        let shape = ConditionerShape(hidden: sizes.hidden, contextDims: sizes.contextDims)
        for transform in [.shift, .affine(logScaleBound: 3), .spline(bins: 4, tailBound: 3)] as [UnivariateTransform] {
            // as drawn at the start weights are zero where masked and, but for the last map, not elsewhere
            var random: RandomStream? = RandomStream(seed: 1, stream: 0)
            var map = try MaskedAutoregressive(
                dims: dims, shape: shape, reversed: false, transform: transform, random: &random)
            var elements = 0
            map.visitParameters { info, values in
                elements += values.count
                let isLast = info.name.hasSuffix(".\(sizes.hidden.count)")
                if !isLast { #expect(info.liveCount == values.count { $0 != 0 }, "\(info.name)") }
            }
            #expect(MaskedAutoregressive.elementCount(dims: dims, shape: shape, transform: transform) == elements)
            #expect(
                MaskedAutoregressive.parameterCount(dims: dims, shape: shape, transform: transform)
                    == map.parameterCount)
        }
    }

    @Test("of sizes that overflow there are none")
    func overflow() {
        let shape = ConditionerShape(hidden: [Int.max / 2, 3])
        #expect(MaskedAutoregressive.parameterCount(dims: 5, shape: shape, transform: .shift) == nil)
        #expect(MaskedAutoregressive.elementCount(dims: 5, shape: shape, transform: .shift) == nil)
        let bins = UnivariateTransform.spline(bins: 65, tailBound: 1)
        #expect(
            MaskedAutoregressive.parameterCount(dims: 5, shape: ConditionerShape(hidden: [3]), transform: bins) == nil)
    }
}
