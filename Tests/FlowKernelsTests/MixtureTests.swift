import FlowCore
import FlowKernels
import Testing

/// What holds of mixtures of logistics beside ``TransformLawTests``.
@Suite("Mixtures of logistics")
struct MixtureTests {
    private static let sizes: [(components: Int, bound: Float)] = [(2, 3), (8, 7), (64, 20)]

    /// Numbers `v`, each with the same parameters, through a kernel.
    private func through(
        _ kernels: Kernels, _ transform: UnivariateTransform, inverse: Bool, _ v: [Float], _ parameters: [Float]
    ) -> (values: [Float], logDerivatives: [Float]) {
        let rows = (v.count + 15) / 16 * 16
        let x = v + Array(repeating: 0, count: rows - v.count)
        var z = x
        var logDet = [Float](repeating: 0, count: rows)
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        let all = parameters.flatMap { Array(repeating: $0, count: rows) }
        kernels.columns(
            transform, inverse: inverse, x: x.span, parameters: all.span, rows: rows, z: &zSpan, logDet: &logDetSpan)
        return (Array(z[..<v.count]), Array(logDet[..<v.count]))
    }

    @Test("zeros are a map near the identity, and components differ", arguments: InstructionSet.allCases, sizes)
    func start(_ set: InstructionSet, _ size: (components: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.mixture(components: size.components, scaleBound: size.bound)
        let zeros = [Float](repeating: 0, count: transform.parameterCount)
        let x = (-60...60).map { 0.1 * Float($0) } + [-1e4, -50, 50, 1e4]
        let (z, logDerivatives) = through(kernels, transform, inverse: false, x, zeros)
        for r in x.indices {
            #expect(abs(z[r] - x[r]) <= 0.17 + 1e-6 * abs(x[r]))
            #expect((-0.08...1e-6).contains(logDerivatives[r]))
        }
        // of two components, whose gradients would be the same if they were the same
        let (rows, count) = (16, transform.parameterCount)
        let (ones, parameters) = ([Float](repeating: 1, count: rows), [Float](repeating: 0, count: rows * count))
        var (dx, dParameters) = (ones, parameters)
        var dxSpan = dx.mutableSpan
        var dParametersSpan = dParameters.mutableSpan
        kernels.transformBackward(
            transform, dz: ones.span, dLogDet: ones.span, x: ones.span, parameters: parameters.span, rows: rows,
            dx: &dxSpan, dParameters: &dParametersSpan)
        for group in 0..<3 {
            let first = (2 + group * size.components) * rows
            #expect(dParameters[first] != dParameters[first + rows])
        }
    }

    /// Far from every component the slope is that of the widest.
    @Test("tails are straight, in both directions", arguments: InstructionSet.allCases, sizes)
    func tails(_ set: InstructionSet, _ size: (components: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.mixture(components: size.components, scaleBound: size.bound)
        var random = RandomStream(seed: 1, stream: 0)
        let x: [Float] = [-1e4, -1e3, -300, -100, -30, -10, 10, 30, 100, 300, 1e3, 1e4]
        for _ in 0..<40 {
            let own = (0..<transform.parameterCount).map { _ in 2 * random.normal() }
            let (z, logDerivatives) = through(kernels, transform, inverse: false, x, own)
            let (back, inverse) = through(kernels, transform, inverse: true, z, own)
            for r in x.indices {
                let expected = Reference.transform(
                    transform, inverse: false, Double(x[r]), parameters: own.map { Double($0) })
                #expect(abs(Double(z[r]) - expected.value) <= 3e-6 * max(1, abs(expected.value)))
                #expect(abs(Double(logDerivatives[r]) - expected.logDerivative) <= 2e-5)
                #expect(abs(back[r] - x[r]) <= 6e-6 * abs(x[r]))
                #expect(abs(inverse[r] + logDerivatives[r]) <= 2e-4)
            }
        }
    }

    /// The error that ``UnivariateTransform/mixture(components:scaleBound:)`` states, with parameters as no training would give
    /// them: the logit at `x` is that of `z`, or lies between those of the neighbours of `x`.
    @Test("the inverse's error is what is stated, whatever the parameters", arguments: InstructionSet.allCases, sizes)
    func adversary(_ set: InstructionSet, _ size: (components: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.mixture(components: size.components, scaleBound: size.bound)
        let count = transform.parameterCount
        var random = RandomStream(seed: 2, stream: 0)
        let extremes: [Float] = [0, 1, -1, 30, -30, 87, -87, 1e3, -1e3, 1e4, -1e4, 1e-38, .leastNonzeroMagnitude]
        for trial in 0..<60 {
            let scale: Float = [1, 5, 50][trial % 3]
            var own = (0..<count).map { _ in
                trial < 20 ? extremes.randomElement(using: &random)! : scale * random.normal()
            }
            // without the affine map: its roundings are not the mixture's
            (own[0], own[1]) = (0, 0)
            let parameters = own.map { Double($0) }
            let z = (0..<60).map { _ in 5 * random.normal() } + [0, -1e4, 1e4, -100, 100]
            let (x, logDerivatives) = through(kernels, transform, inverse: true, z, own)
            let (_, forward) = through(kernels, transform, inverse: false, x, own)
            for r in z.indices {
                #expect(x[r].isFinite && logDerivatives[r].isFinite)
                #expect(logDerivatives[r] == -forward[r], "the log-derivative is not that at x")
                func logit(_ x: Float) -> Double {
                    Reference.transform(transform, inverse: false, Double(x), parameters: parameters).value
                }
                // twice what is stated: the kernel's own logit is rounded, too
                let size = Double(max(1, abs(z[r])))
                let (low, high) = (x[r] - 2 * x[r].ulp, x[r] + 2 * x[r].ulp)
                let roundings = 4e-6 * max(1, Double(own.map(abs).max()!.squareRoot()) / 8)
                #expect(
                    logit(low) - roundings * size <= Double(z[r]) && Double(z[r]) <= logit(high) + roundings * size,
                    "\(z[r]) to \(x[r])")
            }
        }
    }

    @Test("a density integrates to one", arguments: sizes)
    func integral(_ size: (components: Int, bound: Float)) throws {
        let transform = UnivariateTransform.mixture(components: size.components, scaleBound: size.bound)
        var random = RandomStream(seed: 3, stream: 0)
        for _ in 0..<5 {
            let own = (0..<transform.parameterCount).map { _ in 0.5 * random.normal() }
            let x = (0..<40_000).map { -50 + (Float($0) + 0.5) / 400 }
            let (z, logDerivatives) = through(.best, transform, inverse: false, x, own)
            let integral = zip(z, logDerivatives).reduce(0.0) {
                $0 + Reference.exp(-0.5 * Double($1.0) * Double($1.0) - 0.9189385332046727 + Double($1.1))
            }
            #expect(abs(integral / 400 - 1) < 1e-4)
        }
    }

    @Test("numbers that are none, and infinite ones, end", arguments: InstructionSet.allCases)
    func notFinite(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.mixture(components: 4, scaleBound: 7)
        let zeros = [Float](repeating: 0, count: transform.parameterCount)
        for inverse in [false, true] {
            let (values, _) = through(kernels, transform, inverse: inverse, [.nan, .infinity, -.infinity, 1], zeros)
            #expect(values[0].isNaN && values[1] >= 1e24 && values[2] <= -1e24 && values[3].isFinite)
        }
    }

    @Test("components and bound are checked, at each end")
    func limits() {
        func fault(_ components: Int, _ bound: Float) -> TransformFault? {
            UnivariateTransform.mixture(components: components, scaleBound: bound).fault
        }
        for components in [2, 64] { #expect(fault(components, 7) == nil) }
        for components in [Int.min, 1, 65, Int.max] {
            #expect(
                fault(components, 7)
                    == TransformFault(size: "components", value: "\(components)", allowed: "2 to 64"))
        }
        for bound in [0.001, 20] as [Float] { #expect(fault(4, bound) == nil) }
        for bound in [0, -1, 20.5, .infinity, .nan] as [Float] {
            #expect(
                fault(4, bound)
                    == TransformFault(size: "mixture_scale_bound", value: "\(bound)", allowed: "0.001 to 20.0"))
        }
        #expect(UnivariateTransform.mixture(components: 65, scaleBound: 7).parameterCount == 0)
        #expect(UnivariateTransform.mixture(components: 64, scaleBound: 7).parameterCount == 194)
    }
}
