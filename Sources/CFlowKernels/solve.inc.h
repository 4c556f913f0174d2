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
