// The innermost steps of the sequential direction: few inputs, all rows side by side.

static inline __attribute__((always_inline)) vec NAME(solve_sum)(const struct flow_solve *p, ptrdiff_t unit, ptrdiff_t l) {
    vec sum = *(const vec *)(p->partial + unit * p->lanes + l);
    for (ptrdiff_t t = 0; t < p->depth; t++)
        sum = fma_vec(*(const vec *)(p->known + t * p->lanes + l), splat(p->weights[32 * t + unit]), sum);
    return sum;
}

#define SOLVE_UNITS(F)                                                                                                 \
    case F:                                                                                                            \
        for (ptrdiff_t u = 0; u < count; u++)                                                                          \
            for (ptrdiff_t l = 0; l < p->lanes; l += LANES)                                                            \
                *(vec *)(y + u * p->lanes + l) = NAME(activation)(F, NAME(solve_sum)(p, u, l));                        \
        return;

static void NAME(solve_units)(enum flow_activation f, const struct flow_solve *p, ptrdiff_t count, float *y) {
    switch (f) {
        SOLVE_UNITS(FLOW_RELU)
        SOLVE_UNITS(FLOW_TANH)
        SOLVE_UNITS(FLOW_ELU)
        SOLVE_UNITS(FLOW_GELU)
        SOLVE_UNITS(FLOW_IDENTITY)
    }
}

static void NAME(solve_dimension)(const struct flow_solve *p, const float *z, float bound, float *x, float *log_det) {
    const vec inverse_bound = splat(1 / bound);
    for (ptrdiff_t l = 0; l < p->lanes; l += LANES) {
        const vec t = NAME(solve_sum)(p, 0, l);
        const vec s = NAME(log_scale)(NAME(solve_sum)(p, 16, l), inverse_bound);
        *(vec *)(x + l) = NAME(affine)(1, *(const vec *)(z + l), t, s);
        *(vec *)(log_det + l) -= s;
    }
}

// In squares of 4, which every instruction set can turn in registers.
static void NAME(transpose)(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                            ptrdiff_t columns) {
    typedef float f4 __attribute__((vector_size(16), aligned(4)));
    ptrdiff_t c = 0;
    for (; c + 4 <= columns; c += 4) {
        ptrdiff_t r = 0;
        for (; r + 4 <= rows; r += 4) {
            const float *from = x + r * x_stride + c;
            const f4 a = *(const f4 *)from, b = *(const f4 *)(from + x_stride);
            const f4 d = *(const f4 *)(from + 2 * x_stride), e = *(const f4 *)(from + 3 * x_stride);
            const f4 ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            const f4 de0 = __builtin_shufflevector(d, e, 0, 4, 1, 5), de1 = __builtin_shufflevector(d, e, 2, 6, 3, 7);
            float *to = y + c * y_stride + r;
            *(f4 *)to = __builtin_shufflevector(ab0, de0, 0, 1, 4, 5);
            *(f4 *)(to + y_stride) = __builtin_shufflevector(ab0, de0, 2, 3, 6, 7);
            *(f4 *)(to + 2 * y_stride) = __builtin_shufflevector(ab1, de1, 0, 1, 4, 5);
            *(f4 *)(to + 3 * y_stride) = __builtin_shufflevector(ab1, de1, 2, 3, 6, 7);
        }
        for (; r < rows; r++)
            for (ptrdiff_t i = 0; i < 4; i++) y[(c + i) * y_stride + r] = x[r * x_stride + c + i];
    }
    for (; c < columns; c++)
        for (ptrdiff_t r = 0; r < rows; r++) y[c * y_stride + r] = x[r * x_stride + c];
}
