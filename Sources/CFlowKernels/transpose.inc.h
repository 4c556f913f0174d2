// y[c · y_stride + r] = x[r · x_stride + c], by blocks of 4 × 4 in registers; 16 columns at a time, so that the lines of y
// being written stay in the first-level cache.

typedef float NAME(quad) __attribute__((vector_size(16), aligned(4)));
#define quad NAME(quad)

static inline __attribute__((always_inline)) void NAME(transpose_block)(const float *x, ptrdiff_t x_stride, float *y,
                                                                        ptrdiff_t y_stride) {
    const quad a = *(const quad *)x, b = *(const quad *)(x + x_stride);
    const quad c = *(const quad *)(x + 2 * x_stride), d = *(const quad *)(x + 3 * x_stride);
    const quad low_ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), high_ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad low_cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), high_cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)y = __builtin_shufflevector(low_ab, low_cd, 0, 1, 4, 5);
    *(quad *)(y + y_stride) = __builtin_shufflevector(low_ab, low_cd, 2, 3, 6, 7);
    *(quad *)(y + 2 * y_stride) = __builtin_shufflevector(high_ab, high_cd, 0, 1, 4, 5);
    *(quad *)(y + 3 * y_stride) = __builtin_shufflevector(high_ab, high_cd, 2, 3, 6, 7);
}

static void NAME(transpose)(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                            ptrdiff_t columns) {
    const ptrdiff_t whole_rows = rows & ~(ptrdiff_t)3, whole_columns = columns & ~(ptrdiff_t)3;
    for (ptrdiff_t first = 0; first < whole_columns; first += 16) {
        const ptrdiff_t end = first + 16 < whole_columns ? first + 16 : whole_columns;
        for (ptrdiff_t r = 0; r < whole_rows; r += 4)
            for (ptrdiff_t c = first; c < end; c += 4)
                NAME(transpose_block)(x + r * x_stride + c, x_stride, y + c * y_stride + r, y_stride);
    }
    for (ptrdiff_t r = whole_rows; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) y[c * y_stride + r] = x[r * x_stride + c];
    for (ptrdiff_t r = 0; r < whole_rows; r++)
        for (ptrdiff_t c = whole_columns; c < columns; c++) y[c * y_stride + r] = x[r * x_stride + c];
}
