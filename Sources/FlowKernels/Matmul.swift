import CBLAS

/// Products run on one thread each: parallelism is over row tiles and requests, above.
private let singleThreaded: Void = openblas_set_num_threads(1)

/// One operand of a product: a block inside a row-major array.
package struct Panel: Sendable {
    /// Index of the block's first element.
    package var offset: Int
    /// Elements from one row of the array to the next.
    package var stride: Int
    /// Read with rows and columns swapped.
    package var transposed: Bool

    package init(offset: Int = 0, stride: Int, transposed: Bool = false) {
        self.offset = offset
        self.stride = stride
        self.transposed = transposed
    }

    /// One past the last element that a product reading `rows × columns` of this operand touches.
    fileprivate func end(rows: Int, columns: Int) -> Int {
        transposed ? offset + (columns - 1) * stride + rows : offset + (rows - 1) * stride + columns
    }
}

/// `C = A · B`, or `C += A · B`, by OpenBLAS; `A` is `[m, k]`, `B` is `[k, n]`, `C` is `[m, n]`.
///
/// - Complexity: `m · n · k` multiply-adds; no allocation here.
package func matmul(
    _ a: Span<Float>, _ pa: Panel, _ b: Span<Float>, _ pb: Panel,
    m: Int, n: Int, k: Int, accumulate: Bool, c: inout MutableSpan<Float>, _ pc: Panel
) {
    precondition(m > 0 && n > 0 && k > 0 && !pc.transposed)
    precondition(min(pa.offset, pb.offset, pc.offset) >= 0)
    precondition(pa.stride >= (pa.transposed ? m : k) && pb.stride >= (pb.transposed ? k : n) && pc.stride >= n)
    precondition(pa.end(rows: m, columns: k) <= a.count && pb.end(rows: k, columns: n) <= b.count)
    precondition(pc.end(rows: m, columns: n) <= c.count)
    _ = singleThreaded
    unsafe a.withUnsafeBufferPointer { a in
        unsafe b.withUnsafeBufferPointer { b in
            unsafe c.withUnsafeMutableBufferPointer { c in
                // In bounds by the preconditions above; strides are at least the widths, so no row overlaps another.
                unsafe cblas_sgemm(
                    CblasRowMajor, pa.transposed ? CblasTrans : CblasNoTrans,
                    pb.transposed ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k),
                    1, a.baseAddress! + pa.offset, Int32(pa.stride), b.baseAddress! + pb.offset, Int32(pb.stride),
                    accumulate ? 1 : 0, c.baseAddress! + pc.offset, Int32(pc.stride))
            }
        }
    }
}
