// x · exp(s) + t with s = a / (1 + |a|/c): parameters are the shift t and the unbounded log-scale a, the size is the bound c.

static inline __attribute__((always_inline)) vec NAME(affine)(int inverse, const struct flow_transform *transform,
                                                              const float *raw, ptrdiff_t stride, vec x,
                                                              vec *log_derivative) {
    const vec t = load(raw, LANES), a = load(raw + stride, LANES);
    const vec s = a / fma_vec(magnitude(a), splat(1 / transform->sizes[0]), splat(1));
    *log_derivative = inverse ? -s : s;
    return inverse ? (x - t) * NAME(exp)(-s) : fma_vec(x, NAME(exp)(s), t);
}

static inline __attribute__((always_inline)) vec NAME(affine_backward)(const struct flow_transform *transform,
                                                                       const float *raw, ptrdiff_t stride, vec x, vec dz,
                                                                       vec dlog, float *draw) {
    const vec a = load(raw + stride, LANES);
    const vec shrink = 1 / fma_vec(magnitude(a), splat(1 / transform->sizes[0]), splat(1));
    const vec scaled = dz * NAME(exp)(a * shrink);
    store(dz, draw, LANES);
    store(fma_vec(scaled, x, dlog) * shrink * shrink, draw + stride, LANES);
    return scaled;
}
