// x · f(a) + t: parameters are the shift t and the raw scale a; f is softplus or the logistic function of a, moved so that a = 0
// gives the identity, plus a least scale, as nflows and normflows have it.

#define SCALED_LEAST 1e-3f
// ln(e^(1 - least) - 1): softplus of it is 1 - least
#define SCALED_SOFTPLUS_OFFSET 0.53974233f
// ln((1 - least)/least): the logistic function of it is 1 - least
#define SCALED_LOGISTIC_OFFSET 6.9067548f

static inline __attribute__((always_inline)) vec NAME(scaled)(int inverse, vec scale, vec t, vec x, vec *log_derivative) {
    const vec s = NAME(log)(scale);
    *log_derivative = inverse ? -s : s;
    return inverse ? (x - t) / scale : fma_vec(x, scale, t);
}

// `slope` is that of the scale by a.
static inline __attribute__((always_inline)) vec NAME(scaled_backward)(vec scale, vec slope, vec x, vec dz, vec dlog,
                                                                       ptrdiff_t stride, float *draw) {
    store(dz, draw, LANES);
    store((dz * x + dlog / scale) * slope, draw + stride, LANES);
    return dz * scale;
}

static inline __attribute__((always_inline)) vec NAME(softplus_affine)(int inverse, const struct flow_transform *transform,
                                                                       const float *raw, ptrdiff_t stride, vec x,
                                                                       vec *log_derivative) {
    (void)transform;
    const vec scale = SCALED_LEAST + NAME(softplus)(load(raw + stride, LANES) + SCALED_SOFTPLUS_OFFSET);
    return NAME(scaled)(inverse, scale, load(raw, LANES), x, log_derivative);
}

static inline __attribute__((always_inline)) vec NAME(softplus_affine_backward)(const struct flow_transform *transform,
                                                                                const float *raw, ptrdiff_t stride,
                                                                                vec x, vec dz, vec dlog, float *draw) {
    (void)transform;
    const vec a = load(raw + stride, LANES) + SCALED_SOFTPLUS_OFFSET;
    return NAME(scaled_backward)(SCALED_LEAST + NAME(softplus)(a), NAME(sigmoid)(a), x, dz, dlog, stride, draw);
}

static inline __attribute__((always_inline)) vec NAME(logistic_affine)(int inverse, const struct flow_transform *transform,
                                                                       const float *raw, ptrdiff_t stride, vec x,
                                                                       vec *log_derivative) {
    (void)transform;
    const vec scale = SCALED_LEAST + NAME(sigmoid)(load(raw + stride, LANES) + SCALED_LOGISTIC_OFFSET);
    return NAME(scaled)(inverse, scale, load(raw, LANES), x, log_derivative);
}

static inline __attribute__((always_inline)) vec NAME(logistic_affine_backward)(const struct flow_transform *transform,
                                                                                const float *raw, ptrdiff_t stride,
                                                                                vec x, vec dz, vec dlog, float *draw) {
    (void)transform;
    const vec a = load(raw + stride, LANES) + SCALED_LOGISTIC_OFFSET;
    const vec f = NAME(sigmoid)(a);
    // σ(a)(1 − σ(a)) = σ(a)σ(−a), whose digits stay where σ(a) is all but 1
    return NAME(scaled_backward)(SCALED_LEAST + f, f * NAME(sigmoid)(-a), x, dz, dlog, stride, draw);
}
