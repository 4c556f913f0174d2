// x + t of one parameter, the shift t.

static inline __attribute__((always_inline)) vec NAME(shift)(int inverse, const struct flow_transform *transform,
                                                             const float *raw, ptrdiff_t stride, vec x,
                                                             vec *log_derivative) {
    (void)transform, (void)stride;
    *log_derivative = splat(0);
    return inverse ? x - load(raw, LANES) : x + load(raw, LANES);
}

static inline __attribute__((always_inline)) vec NAME(shift_backward)(const struct flow_transform *transform,
                                                                      const float *raw, ptrdiff_t stride, vec x, vec dz,
                                                                      vec dlog, float *draw) {
    (void)transform, (void)raw, (void)stride, (void)x, (void)dlog;
    store(dz, draw, LANES);
    return dz;
}
