import Glibc
public import FlowCore
import FlowLayers

/// The laws that every bijection keeps, as functions that return the worst breach found.
///
/// Each takes a bijection with parameters away from their initial values, so that no term is trivially zero.
public enum BijectionLaws {
    /// Largest `|x − f⁻¹(f(x))|`.
    public static func roundTripGap(_ map: some Bijection, _ x: Matrix) throws -> Float {
        let back = try map.inverse(map.forward(x).z, isCancelled: { false }).x
        return zip(x.elements, back.elements).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    /// Largest `|logDet f(x) + logDet f⁻¹(f(x))|`.
    public static func logDetGap(_ map: some Bijection, _ x: Matrix) throws -> Float {
        let (z, forward) = try map.forward(x)
        let inverse = try map.inverse(z, isCancelled: { false }).logDet
        return zip(forward, inverse).reduce(0) { max($0, abs($1.0 + $1.1)) }
    }

    /// Largest gap between `logDet` and the log-determinant of a Jacobian by central differences of width `2 · step`.
    public static func jacobianGap(_ map: some Bijection, _ x: Matrix, step: Float) throws -> Double {
        let dims = map.dims
        var worst = 0.0
        for r in 0..<x.rows {
            let row = Array(x.elements[r * dims..<(r + 1) * dims])
            // Row 2j is x moved up in dimension j, row 2j + 1 down.
            var moved = Matrix(rows: 2 * dims, columns: dims, elements: Array((0..<2 * dims).map { _ in row }.joined()))
            for j in 0..<dims {
                moved[2 * j, j] += step
                moved[2 * j + 1, j] -= step
            }
            let z = try map.forward(moved).z
            var jacobian = (0..<dims).map { _ in [Double](repeating: 0, count: dims) }
            for j in 0..<dims {
                let width = Double(moved[2 * j, j]) - Double(moved[2 * j + 1, j])
                for i in 0..<dims {
                    jacobian[i][j] = (Double(z[2 * j, i]) - Double(z[2 * j + 1, i])) / width
                }
            }
            let logDet = Double(try map.forward(Matrix(rows: 1, columns: dims, elements: row)).logDet[0])
            worst = max(worst, abs(logAbsDeterminant(jacobian) - logDet))
        }
        return worst
    }

    /// Gaussian elimination with partial pivoting.
    static func logAbsDeterminant(_ matrix: [[Double]]) -> Double {
        var a = matrix
        var sum = 0.0
        for column in a.indices {
            let pivot = (column..<a.count).max { abs(a[$0][column]) < abs(a[$1][column]) }!
            a.swapAt(column, pivot)
            sum += log(abs(a[column][column]))
            for row in column + 1..<a.count {
                let factor = a[row][column] / a[column][column]
                for k in column..<a.count {
                    a[row][k] -= factor * a[column][k]
                }
            }
        }
        return sum
    }

    /// Relative gaps between `backward` and central differences, of the input and then of every parameter array, for
    ///
    ///     L = Σ weight · z + Σ logDetWeight · logDet
    ///
    /// along random directions: one difference checks a whole array.
    public static func gradientGaps<Map: Bijection>(
        _ map: Map, _ x: Matrix, context: Matrix? = nil, step: Float, seed: UInt64
    ) throws -> [Double] {
        var random = RandomStream(seed: seed, stream: 1)
        let dz = x.elements.map { _ in random.normal() }
        let dLogDet = (0..<x.rows).map { _ in random.normal() }
        func loss(_ map: Map, _ x: Matrix) throws -> Double {
            let (z, logDet, _) = try map.forwardTaped(x, context: context)
            return zip(z.elements, dz).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                + zip(logDet, dLogDet).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        func moved(_ values: [Float], _ direction: [Float], _ by: Float) -> [Float] {
            zip(values, direction).map { $0 + by * $1 }
        }
        /// Compares a directional derivative with the gradient's; both zero is agreement.
        func gap(_ gradient: [Float], _ direction: [Float], _ up: Double, _ down: Double) -> Double {
            let analytic = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            let numeric = (up - down) / (2 * Double(step))
            return abs(analytic - numeric) / max(1, abs(analytic), abs(numeric))
        }

        var tape = try map.forwardTaped(x, context: context).tape
        let dx = map.backward(
            Cotangent(dz: Matrix(rows: x.rows, columns: x.columns, elements: dz), dLogDet: dLogDet), through: &tape)
        let gradients = map.gradients(of: [tape])

        let direction = x.elements.map { _ in random.normal() }
        func shifted(_ by: Float) -> Matrix {
            Matrix(rows: x.rows, columns: x.columns, elements: moved(x.elements, direction, by))
        }
        var gaps = [gap(dx.elements, direction, try loss(map, shifted(step)), try loss(map, shifted(-step)))]
        for target in gradients.indices {
            // A parameter that a mask holds at zero does not move.
            let direction = gradients[target].map { $0 == 0 ? 0 : random.normal() }
            func nudged(_ by: Float) -> Map {
                var copy = map
                var index = 0
                copy.visitParameters { _, values in
                    if index == target { values = moved(values, direction, by) }
                    index += 1
                }
                return copy
            }
            gaps.append(gap(gradients[target], direction, try loss(nudged(step), x), try loss(nudged(-step), x)))
        }
        return gaps
    }

    /// `∫ exp(log p(x)) dx` over `[−bound, bound]²` by the midpoint rule on `cells²` cells, for a map of two dimensions
    /// and the standard normal base.
    public static func integral(_ map: some Bijection, bound: Float, cells: Int) throws -> Double {
        precondition(map.dims == 2)
        let width = 2 * bound / Float(cells)
        var sum = 0.0
        for i in 0..<cells {
            var row = Matrix(rows: cells, columns: 2)
            for j in 0..<cells {
                row[j, 0] = -bound + (Float(i) + 0.5) * width
                row[j, 1] = -bound + (Float(j) + 0.5) * width
            }
            let (z, logDet) = try map.forward(row)
            for (base, more) in zip(standardNormalLogDensity(z), logDet) {
                sum += exp(base + Double(more))
            }
        }
        return sum * Double(width) * Double(width)
    }

    /// Moves every parameter that is free by normal noise of standard deviation `scale`.
    public static func perturbed<Map: Bijection>(_ map: Map, scale: Float, seed: UInt64) -> Map {
        var random = RandomStream(seed: seed, stream: 0)
        var copy = map
        copy.visitParameters { _, values in
            for i in values.indices { values[i] += scale * random.normal() }
        }
        copy.restoreStructuralZeros()
        return copy
    }

    /// The map with its directions exchanged, of one whose sampling direction can be trained.
    public static func inverted(_ map: any Bijection) -> any Bijection {
        func exchange<Map: Reversible>(_ map: Map) -> any Bijection { Inverted(map) }
        guard let map = map as? any Reversible else { preconditionFailure("\(type(of: map)) is not reversible") }
        return exchange(map)
    }
}
