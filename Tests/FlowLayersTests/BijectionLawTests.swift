import FlowCore
import FlowKernels
import FlowLayers
import TestSupport
import Testing

@Suite("Bijection laws")
struct BijectionLawTests {
    private func input(rows: Int, dims: Int, seed: UInt64 = 21) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: rows, columns: dims, elements: (0..<rows * dims).map { _ in random.normal() })
    }

    /// Float32 through two passes of small networks.
    static let roundTripTolerance: Float = 1e-4

    @Test("inverse undoes forward", arguments: BijectionCase.all, [2, 5, 40])
    func roundTrip(_ bijection: BijectionCase, dims: Int) throws {
        // 19 rows: one full tile and a padded one
        let gap = try BijectionLaws.roundTripGap(bijection.map(dims: dims), input(rows: 19, dims: dims))
        #expect(gap < Self.roundTripTolerance)
    }

    @Test("the two log-dets cancel", arguments: BijectionCase.all, [2, 5, 40])
    func logDets(_ bijection: BijectionCase, dims: Int) throws {
        let gap = try BijectionLaws.logDetGap(bijection.map(dims: dims), input(rows: 19, dims: dims))
        #expect(gap < Self.roundTripTolerance * Float(dims))
    }

    /// Central differences of width 0.02 in float32: cancellation costs about 1e-4, kinks of the rectifier the rest.
    @Test("log-det equals the Jacobian's, by finite differences", arguments: BijectionCase.all, [2, 5])
    func jacobian(_ bijection: BijectionCase, dims: Int) throws {
        #expect(try BijectionLaws.jacobianGap(bijection.map(dims: dims), input(rows: 3, dims: dims), step: 1e-2) < 5e-3)
    }

    /// Central differences in float32 of a loss of size about 10. Where a rectifier's kink lies within a step, the
    /// difference is no derivative: that spoils an array for one input, a wrong gradient spoils it for all, and so the
    /// median over five inputs is what must be small.
    @Test("gradients equal finite differences", arguments: BijectionCase.all, [2, 5])
    func gradients(_ bijection: BijectionCase, dims: Int) throws {
        let map = try bijection.map(dims: dims)
        let gaps = try (0..<5).map { seed in
            try BijectionLaws.gradientGaps(
                map, input(rows: 4, dims: dims, seed: 40 + seed), step: 1e-3, seed: 31 + seed)
        }
        for array in gaps[0].indices {
            #expect(gaps.map { $0[array] }.sorted()[2] < 1e-2, "array \(array); 0 is the input")
        }
    }

    @Test("a two-dimensional density integrates to one", arguments: BijectionCase.all)
    func integral(_ bijection: BijectionCase) throws {
        let integral = try BijectionLaws.integral(bijection.map(dims: 2), bound: 12, cells: 240)
        #expect(abs(integral - 1) < 2e-3)
    }

    @Test("a row has the same bits alone and in any batch", arguments: BijectionCase.all)
    func batchInvariance(_ bijection: BijectionCase) throws {
        let map = try bijection.map(dims: 40)
        let all = input(rows: 37, dims: 40)
        let (z, logDet) = try map.forward(all)
        let (x, inverseLogDet) = try map.inverse(all, isCancelled: { false })
        var random = RandomStream(seed: 5, stream: 5)
        for _ in 0..<20 {
            let rows = (0..<all.rows).shuffled(using: &random).prefix(1 + Int(random.uniform() * 36))
            let some = Matrix(
                rows: rows.count, columns: 40, elements: rows.flatMap { all.elements[$0 * 40..<($0 + 1) * 40] })
            let forward = try map.forward(some)
            let inverse = try map.inverse(some, isCancelled: { false })
            for (place, row) in rows.enumerated() {
                for j in 0..<40 {
                    #expect(forward.z[place, j].bitPattern == z[row, j].bitPattern)
                    #expect(inverse.x[place, j].bitPattern == x[row, j].bitPattern)
                }
                #expect(forward.logDet[place].bitPattern == logDet[row].bitPattern)
                #expect(inverse.logDet[place].bitPattern == inverseLogDet[row].bitPattern)
            }
        }
    }

    @Test("the width of an argument is checked", arguments: BijectionCase.all)
    func widths(_ bijection: BijectionCase) throws {
        let map = try bijection.map(dims: 5)
        let wrong = Matrix(rows: 1, columns: 4)
        #expect(throws: FlowError.widthMismatch(argument: "x", expected: 5, actual: 4)) { try map.forward(wrong) }
        #expect(throws: FlowError.widthMismatch(argument: "z", expected: 5, actual: 4)) {
            try map.inverse(wrong, isCancelled: { false })
        }
    }
}

@Suite("Masked autoregressive map")
struct MaskedAutoregressiveTests {
    private func map(
        dims: Int, hidden: [Int], reversed: Bool, _ transform: UnivariateTransform = .affine(logScaleBound: 5)
    ) throws -> MaskedAutoregressive {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let map = try MaskedAutoregressive(
            dims: dims, shape: ConditionerShape(hidden: hidden), reversed: reversed, transform: transform,
            random: &random)
        return BijectionLaws.perturbed(map, scale: 0.15, seed: 2)
    }

    @Test(
        "the one-pass inverse equals the naive one of D passes",
        arguments: [(1, [4]), (2, [1]), (7, [3, 5]), (30, [64, 48, 10]), (65, [200])], [false, true])
    func onePassAgainstNaive(size: (dims: Int, hidden: [Int]), reversed: Bool) throws {
        let map = try map(dims: size.dims, hidden: size.hidden, reversed: reversed)
        var random = RandomStream(seed: 3, stream: 0)
        let z = Matrix(rows: 5, columns: size.dims, elements: (0..<5 * size.dims).map { _ in random.normal() })
        let fast = try map.inverse(z, isCancelled: { false })
        let naive = try map.referenceInverse(z)
        // the two add in different orders, and errors grow along the chain of dimensions
        for (a, b) in zip(fast.x.elements, naive.x.elements) {
            #expect(abs(a - b) <= 1e-4 * max(1, abs(b)))
        }
        for (a, b) in zip(fast.logDet, naive.logDet) {
            #expect(abs(a - b) <= 1e-4 * Float(size.dims))
        }
    }

    @Test(
        "with splines too", arguments: [(1, [4], 2), (2, [1], 64), (30, [64, 48, 10], 8), (65, [90], 5)],
        [false, true])
    func onePassSplines(size: (dims: Int, hidden: [Int], bins: Int), reversed: Bool) throws {
        let map = try map(
            dims: size.dims, hidden: size.hidden, reversed: reversed, .spline(bins: size.bins, tailBound: 3))
        var random = RandomStream(seed: 3, stream: 0)
        let z = Matrix(rows: 5, columns: size.dims, elements: (0..<5 * size.dims).map { _ in random.normal() })
        let fast = try map.inverse(z, isCancelled: { false })
        let naive = try map.referenceInverse(z)
        #expect(fast.x != z)
        for (a, b) in zip(fast.x.elements, naive.x.elements) { #expect(abs(a - b) <= 1e-3) }
        for (a, b) in zip(fast.logDet, naive.logDet) { #expect(abs(a - b) <= 1e-4 * Float(size.dims)) }
    }

    @Test(
        "with shifts too, and their log-det is 0", arguments: [(1, [4]), (7, [3, 5]), (65, [90, 70])], [false, true])
    func onePassShifts(size: (dims: Int, hidden: [Int]), reversed: Bool) throws {
        let map = try map(dims: size.dims, hidden: size.hidden, reversed: reversed, .shift)
        var random = RandomStream(seed: 3, stream: 0)
        let z = Matrix(rows: 5, columns: size.dims, elements: (0..<5 * size.dims).map { _ in random.normal() })
        let fast = try map.inverse(z, isCancelled: { false })
        let naive = try map.referenceInverse(z)
        #expect(fast.x != z)
        for (a, b) in zip(fast.x.elements, naive.x.elements) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
        #expect(fast.logDet == Array(repeating: 0, count: 5) && naive.logDet == fast.logDet)
    }

    @Test(
        "with mixtures too", arguments: [(1, [4], 2), (2, [1], 64), (18, [24, 16, 10], 8), (33, [40], 3)],
        [false, true])
    func onePassMixtures(size: (dims: Int, hidden: [Int], components: Int), reversed: Bool) throws {
        let map = try map(
            dims: size.dims, hidden: size.hidden, reversed: reversed,
            .mixture(components: size.components, scaleBound: 3))
        var random = RandomStream(seed: 3, stream: 0)
        let z = Matrix(rows: 5, columns: size.dims, elements: (0..<5 * size.dims).map { _ in random.normal() })
        let fast = try map.inverse(z, isCancelled: { false })
        let naive = try map.referenceInverse(z)
        #expect(fast.x != z)
        // as of affine maps: nothing bounds the numbers, and errors grow along the chain of dimensions
        for (a, b) in zip(fast.x.elements, naive.x.elements) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
        for (a, b) in zip(fast.logDet, naive.logDet) { #expect(abs(a - b) <= 1e-4 * Float(size.dims)) }
    }

    @Test("bins and tail bound are checked, at each end", arguments: [(2, true), (64, true), (1, false), (65, false)])
    func splineSizes(bins: Int, isAllowed: Bool) throws {
        func build(_ bound: Float) throws -> Coupling {
            var random: RandomStream? = nil
            return try Coupling(
                dims: 2, shape: ConditionerShape(hidden: [1]), parity: 0,
                transform: .spline(bins: bins, tailBound: bound), random: &random)
        }
        if isAllowed {
            #expect(try build(1).parameterCount == 1 + 1 + 2 * (3 * bins - 1))
            #expect(throws: FlowError.outOfRange(argument: "tail_bound", value: "0.0", allowed: "above 0")) {
                try build(0)
            }
        } else {
            #expect(throws: FlowError.outOfRange(argument: "bins", value: "\(bins)", allowed: "2 to 64")) {
                try build(1)
            }
        }
    }

    @Test("output d depends on the dimensions before d alone", arguments: [false, true])
    func autoregressive(reversed: Bool) throws {
        let dims = 9
        let map = try map(dims: dims, hidden: [20, 20], reversed: reversed)
        let base = Matrix(rows: 1, columns: dims)
        let z = try map.forward(base).z
        for moved in 0..<dims {
            var x = base
            x[0, moved] = 1
            let other = try map.forward(x).z
            for d in 0..<dims {
                let before = reversed ? d > moved : d < moved
                if before { #expect(other[0, d] == z[0, d]) }
            }
            let last = reversed ? 0 : dims - 1
            if moved != last { #expect(other[0, last] != z[0, last]) }
        }
    }

    @Test("starts at the identity")
    func identity() throws {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let map = try MaskedAutoregressive(
            dims: 6, shape: ConditionerShape(hidden: [8]), reversed: false, transform: .affine(logScaleBound: 5),
            random: &random)
        let x = Matrix(rows: 1, columns: 6, elements: [1, 2, 3, 4, 5, 6])
        let (z, logDet) = try map.forward(x)
        #expect(z == x)
        #expect(logDet == [0])
    }

    @Test("a sequential direction stops when it is cancelled")
    func cancellation() throws {
        let map = try map(dims: 65, hidden: [64], reversed: false)
        var looks = 0
        #expect(throws: FlowError.cancelled) {
            try map.inverse(Matrix(rows: 1, columns: 65)) {
                looks += 1
                return looks == 3
            }
        }
        #expect(looks == 3)
    }

    @Test("sizes that make no sense are refused")
    func sizes() {
        var random: RandomStream? = nil
        #expect(throws: FlowError.self) {
            try MaskedAutoregressive(
                dims: 0, shape: ConditionerShape(hidden: [4]), reversed: false, transform: .affine(logScaleBound: 5),
                random: &random)
        }
        #expect(throws: FlowError.self) {
            try MaskedAutoregressive(
                dims: 3, shape: ConditionerShape(hidden: []), reversed: false, transform: .affine(logScaleBound: 5),
                random: &random)
        }
        #expect(throws: FlowError.self) {
            try MaskedAutoregressive(
                dims: 3, shape: ConditionerShape(hidden: [4]), reversed: false, transform: .affine(logScaleBound: 0),
                random: &random)
        }
    }

    @Test("a weight outside the mask is found and put back to zero")
    func structuralZeros() throws {
        var map = try map(dims: 5, hidden: [6], reversed: false)
        #expect(map.holdsStructuralZeros)
        map.conditioner.layers[0].weights[4] = 1
        #expect(!map.holdsStructuralZeros)
        map.restoreStructuralZeros()
        #expect(map.holdsStructuralZeros)
    }
}

@Suite("Activation normalisation")
struct ActNormTests {
    @Test("initialisation gives mean 0 and standard deviation 1, and leaves a constant dimension's scale")
    func initialization() throws {
        var map = ActNorm(dims: 2)
        let x = Matrix(rows: 4, columns: 2, elements: [1, 7, 2, 7, 3, 7, 4, 7])
        try map.initialize(from: x)
        let z = try map.forward(x).z
        let first = (0..<4).map { z[$0, 0] }
        #expect(abs(first.reduce(0, +)) < 1e-5)
        #expect(abs(first.reduce(0) { $0 + $1 * $1 } / 4 - 1) < 1e-5)
        #expect((0..<4).allSatisfy { z[$0, 1] == 0 })
        #expect(map.logScale[1] == 0)
    }
}
