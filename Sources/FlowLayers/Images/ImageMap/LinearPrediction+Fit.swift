import FlowCore
import Glibc

/// Fit of the prediction by least squares.
extension LinearPrediction {
    /// Fits the prediction to `x`, `[batch, D]`, by least squares.
    mutating func fit(to x: Matrix) {
        let gram = moments(of: x)
        let factor = gram.values.choleskyFactor(size: gram.size)
        let before = 1 + taps.count * channels
        for c in 0..<channels {
            let n = before + c
            // row n of the factor is the solution of the triangular system for the coefficients' right side
            var solution = Array(factor[n * gram.size..<n * gram.size + n])
            for i in (0..<n).reversed() {
                for j in i + 1..<n { solution[i] -= factor[j * gram.size + i] * solution[j] }
                solution[i] /= factor[i * gram.size + i]
            }
            shift[c] = Float(solution[0])
            for i in 1..<n { weights[first(c) + i - 1] = Float(solution[i]) }
            logScale[c] = Float(-log(factor[n * gram.size + n] / gram.count.squareRoot()))
        }
    }

    /// Sums of products of 1, the pixels before and the pixel's own channels over some pixels, `[size, size]`, their lower triangle, and the
    /// number of these pixels.
    private func moments(of x: Matrix) -> (values: [Double], size: Int, count: Double) {
        let (pixels, width) = (layout.height * layout.width, layout.width)
        let size = 1 + (taps.count + 1) * channels
        var sums = [Double](repeating: 0, count: size * size)
        var features = [Double](repeating: 0, count: size)
        features[0] = 1
        // the phase goes on from row to row, so that all columns of the image are seen
        let step = (x.rows * pixels + Self.mostSamples - 1) / Self.mostSamples
        var count = 0.0
        for r in 0..<x.rows {
            for index in stride(from: r % step, to: pixels, by: step) {
                var i = 1
                for tap in taps + [(0, 0)] {
                    let isInside =
                        index / width + tap.dy >= 0 && (0..<width).contains(index % width + tap.dx)
                    let from = (index + tap.dy * width + tap.dx) * channels
                    for k in 0..<channels {
                        features[i] = isInside ? Double(x[r, from + k]) : 0
                        i += 1
                    }
                }
                for i in 0..<size { for j in 0...i { sums[i * size + j] += features[i] * features[j] } }
                count += 1
            }
        }
        // without it neighbours that are all but equal would have no solution of their own
        for i in 1..<size { sums[i * size + i] += Self.ridge * count }
        return (sums, size, count)
    }

    /// Most pixels that the fit looks at.
    private static let mostSamples = 1 << 16
    /// Variance that is added to every input of the fit.
    private static let ridge = 1e-6
}

extension [Double] {
    /// Lower triangular factor of a positive definite matrix, `[size, size]`, of which the lower triangle is read.
    fileprivate func choleskyFactor(size: Int) -> [Double] {
        var a = self
        for j in 0..<size {
            for k in 0..<j { a[j * size + j] -= a[j * size + k] * a[j * size + k] }
            a[j * size + j] = a[j * size + j].squareRoot()
            for i in j + 1..<size {
                for k in 0..<j { a[i * size + j] -= a[i * size + k] * a[j * size + k] }
                a[i * size + j] /= a[j * size + j]
            }
        }
        return a
    }
}
