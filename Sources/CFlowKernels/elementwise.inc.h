// Activations and other functions, and sums of exponentials.

static inline __attribute__((always_inline)) vec NAME(activation)(enum flow_activation f, vec x) {
    switch (f) {
    case FLOW_RELU: return choose(x <= 0, splat(0), x);  // NaN stays NaN
    case FLOW_TANH: return NAME(tanh)(x);
    case FLOW_ELU: return choose(x > 0, x, NAME(expm1_negative)(x));
    case FLOW_GELU: return NAME(gelu)(x);
    case FLOW_IDENTITY: return x;
    }
    __builtin_unreachable();
}

#define ACTIVATE(F)                                                                                                    \
    case F:                                                                                                            \
        for (ptrdiff_t r = 0; r < rows; r++, x += x_stride, y += y_stride)                                             \
            for (ptrdiff_t j = 0; j < columns; j += LANES)                                                             \
                store(NAME(activation)(F, load(x + j, columns - j)), y + j, columns - j);                              \
        return;

static void NAME(activate)(enum flow_activation f, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                           ptrdiff_t rows, ptrdiff_t columns) {
    switch (f) {
        ACTIVATE(FLOW_RELU)
        ACTIVATE(FLOW_TANH)
        ACTIVATE(FLOW_ELU)
        ACTIVATE(FLOW_GELU)
        ACTIVATE(FLOW_IDENTITY)
    }
}

#define APPLY(F, FUNCTION)                                                                                             \
    case F:                                                                                                            \
        for (ptrdiff_t i = 0; i < count; i += LANES)                                                                   \
            store(NAME(FUNCTION)(load(x + i, count - i)), y + i, count - i);                                           \
        return;

static void NAME(apply)(enum flow_function f, const float *x, float *y, ptrdiff_t count) {
    switch (f) {
        APPLY(FLOW_EXP, exp)
        APPLY(FLOW_LOG, log)
        APPLY(FLOW_SIGMOID, sigmoid)
        APPLY(FLOW_SOFTPLUS, softplus)
        APPLY(FLOW_NORMAL, normal)
    }
}

// x in the first `count` lanes, `other` in the rest.
static inline __attribute__((always_inline)) vec NAME(first)(vec x, ptrdiff_t count, float other) {
    if (count >= LANES) return x;
    ivec lane;
    for (int l = 0; l < LANES; l++) lane[l] = l;
    return choose(lane < (int)count, x, splat(other));
}

// The largest of a row, of whose elements and the following ones `left` may be read; 0 where it is infinite, so that
// nothing becomes NaN by its subtraction.
static inline __attribute__((always_inline)) float NAME(peak)(const float *x, ptrdiff_t columns, ptrdiff_t left) {
    vec m = splat(-__builtin_inff());
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
        const vec v = NAME(first)(load(x + j, left - j), columns - j, -__builtin_inff());
        m = choose(v > m, v, m);
    }
    float peak = m[0];
    for (int l = 1; l < LANES; l++) peak = m[l] > peak ? m[l] : peak;
    return __builtin_isinf(peak) ? 0 : peak;
}

// e^(x - peak); lanes beyond the row, where that might be below the normal numbers and slow, compute e^0.
static inline __attribute__((always_inline)) vec NAME(share)(const float *x, ptrdiff_t count, ptrdiff_t left,
                                                             float peak) {
    return NAME(exp)(NAME(first)(load(x, left) - peak, count, 0));
}

static inline __attribute__((always_inline)) float NAME(sum_exp)(const float *x, ptrdiff_t columns, ptrdiff_t left,
                                                                 float peak) {
    vec sum = splat(0);
    for (ptrdiff_t j = 0; j < columns; j += LANES)
        sum += NAME(first)(NAME(share)(x + j, columns - j, left - j, peak), columns - j, 0);
    return total(sum);
}

static void NAME(log_sum_exp)(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *y) {
    // the logarithms of as many rows as there are lanes, at once
    for (ptrdiff_t first = 0; first < rows; first += LANES) {
        const ptrdiff_t count = rows - first < LANES ? rows - first : LANES;
        vec peaks = splat(0), sums = splat(1);
        for (ptrdiff_t r = 0; r < count; r++, x += columns) {
            const ptrdiff_t left = (rows - first - r) * columns;
            const float peak = NAME(peak)(x, columns, left);
            peaks[r] = peak;
            sums[r] = NAME(sum_exp)(x, columns, left, peak);
        }
        store(peaks + NAME(log)(sums), y + first, count);
    }
}

static void NAME(softmax)(float *x, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t left = rows * columns; left > 0; left -= columns, x += columns) {
        const float peak = NAME(peak)(x, columns, left);
        float sum = NAME(sum_exp)(x, columns, left, peak);
        // an infinity, or nothing but negative ones: no shares to speak of
        if (!(sum > 0 && sum < __builtin_inff())) sum = __builtin_nanf("");
        for (ptrdiff_t j = 0; j < columns; j += LANES)
            store(NAME(share)(x + j, columns - j, left - j, peak) / sum, x + j, columns - j);
    }
}
