// Monotone rational-quadratic splines: Durkan et al., Neural Spline Flows (2019), arXiv:1906.04032, section 3.1.
//
// K bins on [-B, B] and the identity outside; the sizes are K and B. Parameters of one dimension, `stride` apart: K widths, K
// heights, K - 1 derivatives at the inner knots, all raw; zeros give the identity.

// Least share of a bin in the width and in the height of the square, and least derivative. Slopes of bins lie between this
// and its inverse, and so do derivatives.
#define SPLINE_LEAST 1e-3f
// ln(e^(1 - least) - 1): softplus of it is 1 - least
#define SPLINE_OFFSET 0.53974233f

static inline __attribute__((always_inline)) vec NAME(spline_derivative)(vec raw) {
    return SPLINE_LEAST + NAME(softplus)(choose(raw > 1 / SPLINE_LEAST, splat(1 / SPLINE_LEAST), raw) + SPLINE_OFFSET);
}

// The bin that each lane falls into: its knots, the derivatives there, and its index.
#define spline_bin NAME(spline_bin_type)
struct spline_bin {
    vec x0, x1, y0, y1, d0, d1;
    // raw, 0 at the ends of the square
    vec raw0, raw1;
    ivec index;
};

// `v`, in [-B, B], is an x, or a y with `inverse`. Knots are the same bits in both directions.
static inline __attribute__((always_inline)) struct spline_bin NAME(spline_find)(int inverse, vec v, vec bound, int bins,
                                                                                 const vec *widths, const vec *heights,
                                                                                 const float *raw, ptrdiff_t stride) {
    const vec size = 2 * bound, least = size * SPLINE_LEAST, rest = size - (float)bins * least;
    struct spline_bin bin;
    vec x0 = -bound, y0 = -bound, raw0 = splat(0);
    for (int j = 0; j < bins; j++) {
        const int last = j == bins - 1;
        const vec x1 = last ? bound : x0 + fma_vec(rest, widths[j], least);
        const vec y1 = last ? bound : y0 + fma_vec(rest, heights[j], least);
        const vec raw1 = last ? splat(0) : load(raw + j * stride, LANES);
        if (j == 0) {
            bin = (struct spline_bin){x0, x1, y0, y1, raw0, raw0, raw0, raw1, (ivec){}};
        } else {
            const ivec here = v >= (inverse ? y0 : x0);
            bin.x0 = choose(here, x0, bin.x0);
            bin.x1 = choose(here, x1, bin.x1);
            bin.y0 = choose(here, y0, bin.y0);
            bin.y1 = choose(here, y1, bin.y1);
            bin.raw0 = choose(here, raw0, bin.raw0);
            bin.raw1 = choose(here, raw1, bin.raw1);
            bin.index = (here & j) | (~here & bin.index);
        }
        x0 = x1, y0 = y1, raw0 = raw1;
    }
    bin.d0 = NAME(spline_derivative)(bin.raw0);
    bin.d1 = NAME(spline_derivative)(bin.raw1);
    return bin;
}

static inline __attribute__((always_inline)) vec NAME(clamp)(vec x, vec low, vec high) {
    return choose(x < low, low, choose(x > high, high, x));
}

// `v` through the spline or its inverse, and the log-derivative of what was done.
//
// With t = (x - x0)/w, u = 1 - t, s = h/w, p = (y - y0)/h, q = 1 - p:
//
//     y = y0 + h (s t² + d0 t u) / (s (t² + u²) + (d0 + d1) t u)
//     dy/dx = s² (d1 t² + 2 s t u + d0 u²) / (s (t² + u²) + (d0 + d1) t u)²
//
// The quadratic equation for t has, with e = d0 q - d1 p, the discriminant e² + 4 s² p q: a sum of squares and products of
// positive numbers, and so has its stable root, t = 2 s p / (e + 2 s p + sqrt) where e >= 0 and else
// u = 2 s q / (-e + 2 s q + sqrt). Nothing cancels and nothing can be negative.
static inline __attribute__((always_inline)) vec NAME(spline)(int inverse, const struct flow_transform *transform,
                                                              const float *raw, ptrdiff_t stride, vec v,
                                                              vec *log_derivative) {
    vec widths[FLOW_MOST_PARTS], heights[FLOW_MOST_PARTS];
    const int bins = (int)transform->sizes[0];
    const vec bound = splat(transform->sizes[1]);
    const ivec inside = magnitude(v) <= bound;
    const vec c = choose(inside, v, splat(0));
    NAME(softmax_shares)(raw, stride, bins, widths);
    NAME(softmax_shares)(raw + bins * stride, stride, bins, heights);
    const struct spline_bin b =
        NAME(spline_find)(inverse, c, bound, bins, widths, heights, raw + 2 * bins * stride, stride);
    const vec width = b.x1 - b.x0, height = b.y1 - b.y0, s = height / width;
    vec x = c;
    if (inverse) {
        const vec p = (c - b.y0) / height, q = (b.y1 - c) / height;
        const vec e = b.d0 * q - b.d1 * p;
        const ivec upper = e < 0;
        const vec root = __builtin_elementwise_sqrt(fma_vec(e, e, 4 * s * s * p * q));
        const vec near = 2 * s * choose(upper, q, p);
        const vec step = width * (near / (magnitude(e) + near + root));
        x = NAME(clamp)(choose(upper, b.x1 - step, b.x0 + step), b.x0, b.x1);
    }
    const vec t = (x - b.x0) / width, u = (b.x1 - x) / width, tu = t * u, tt = t * t, uu = u * u;
    const vec shrink = 1 / fma_vec(s, tt + uu, (b.d0 + b.d1) * tu);
    const vec slope = fma_vec(b.d1, tt, fma_vec(2 * s, tu, b.d0 * uu));
    const vec ratio = s * shrink;
    const vec log_slope = choose(inside, NAME(log)(slope * ratio * ratio), splat(0));
    *log_derivative = inverse ? -log_slope : log_slope;
    if (inverse) return choose(inside, x, v);
    const vec y = fma_vec(height * shrink, fma_vec(s, tt, b.d0 * tu), b.y0);
    return choose(inside, NAME(clamp)(y, b.y0, b.y1), v);
}

// Gradient of a softmax's shares, times `scale`: `inside` and `at` are those of the shares before and in the bin.
static inline __attribute__((always_inline)) void NAME(spline_shares_backward)(const vec *shares, int bins, ivec index,
                                                                               vec before, vec at, vec scale,
                                                                               float *draw, ptrdiff_t stride) {
    vec mean = splat(0);
    for (int j = 0; j < bins; j++)
        mean = fma_vec(shares[j], choose(index > j, before, choose(index == j, at, splat(0))), mean);
    for (int j = 0; j < bins; j++) {
        const vec d = choose(index > j, before, choose(index == j, at, splat(0)));
        store(scale * shares[j] * (d - mean), draw + j * stride, LANES);
    }
}

// The gradient of `dz · z + dlog · log dz/dx` by x, and by the raw parameters, which goes to `draw`.
static inline __attribute__((always_inline)) vec NAME(spline_backward)(const struct flow_transform *transform,
                                                                       const float *raw, ptrdiff_t stride, vec v, vec dz,
                                                                       vec dlog, float *draw) {
    vec widths[FLOW_MOST_PARTS], heights[FLOW_MOST_PARTS];
    const int bins = (int)transform->sizes[0];
    const vec bound = splat(transform->sizes[1]);
    const ivec inside = magnitude(v) <= bound;
    const vec x = choose(inside, v, splat(0));
    NAME(softmax_shares)(raw, stride, bins, widths);
    NAME(softmax_shares)(raw + bins * stride, stride, bins, heights);
    const float *raw_derivatives = raw + 2 * bins * stride;
    const struct spline_bin b = NAME(spline_find)(0, x, bound, bins, widths, heights, raw_derivatives, stride);
    const vec g = choose(inside, dz, splat(0)), l = choose(inside, dlog, splat(0));

    // y = y0 + h a/n, log dy/dx = 2 ln s + ln m - 2 ln n as functions of t, s, h, d0, d1
    const vec width = b.x1 - b.x0, height = b.y1 - b.y0, s = height / width;
    const vec t = (x - b.x0) / width, u = (b.x1 - x) / width, tu = t * u, tt = t * t, uu = u * u;
    const vec a = fma_vec(s, tt, b.d0 * tu), m = fma_vec(b.d1, tt, fma_vec(2 * s, tu, b.d0 * uu));
    const vec over_n = 1 / fma_vec(s, tt + uu, (b.d0 + b.d1) * tu), over_m = 1 / m;
    const vec share = a * over_n, gain = g * height * over_n, loss = 2 * l * over_n;
    // `by_n`: the gradient by n
    const vec by_n = -gain * share - loss, by_m = l * over_m;
    const vec by_s = fma_vec(gain, tt, fma_vec(by_n, tt + uu, fma_vec(2 * by_m, tu, 2 * l / s)));
    const vec by_d0 = fma_vec(gain + by_n, tu, by_m * uu), by_d1 = fma_vec(by_n, tu, by_m * tt);
    const vec m_by_t = 2 * (b.d1 * t + s * (u - t) - b.d0 * u);
    const vec n_by_t = (b.d0 + b.d1 - 2 * s) * (u - t);
    const vec ratio = s * over_n;
    // dy/dt = w dy/dx
    const vec by_t = fma_vec(g * width, m * ratio * ratio, fma_vec(by_m, m_by_t, -loss * n_by_t));

    const vec by_x = by_t / width;
    const vec by_height = fma_vec(g, share, by_s / width), by_width = -fma_vec(by_t, t, by_s * s) / width;
    const vec size = 2 * bound, scale = size - (float)bins * (size * SPLINE_LEAST);
    NAME(spline_shares_backward)(widths, bins, b.index, -by_x, by_width, scale, draw, stride);
    NAME(spline_shares_backward)(heights, bins, b.index, g, by_height, scale, draw + bins * stride, stride);
    // the largest derivative is held, and so has no slope
    const vec most = splat(1 / SPLINE_LEAST);
    const vec slope0 = choose(b.raw0 > most, splat(0), by_d0 * NAME(sigmoid)(b.raw0 + SPLINE_OFFSET));
    const vec slope1 = choose(b.raw1 > most, splat(0), by_d1 * NAME(sigmoid)(b.raw1 + SPLINE_OFFSET));
    for (int j = 0; j < bins - 1; j++) {
        // inner knot j ends bin j and begins bin j + 1
        const vec d = choose(b.index == j, slope1, choose(b.index == j + 1, slope0, splat(0)));
        store(d, draw + (2 * bins + j) * stride, LANES);
    }
    return choose(inside, by_x, dz);
}
