// Mixture of logistics: Ho et al., Flow++ (2019), arXiv:1902.00275, section 3.2 and appendix.
//
//     z = e^s · logit F(x) + t,   F(x) = Σ π_k σ((x − m_k) e^-l_k),   log dz/dx = s + ln F' − ln F − ln (1 − F)
//
// The sizes are K components and the bound c of log-scales. Parameters of one dimension, `stride` apart, all raw: the shift t,
// the log-scale of s, K log-weights, K means and K log-scales. Log-scales are a / (1 + |a|/c); weights are the softmax plus
// MIXTURE_LEAST. Means stand apart from the start, at (2k + 1 − K)/K of zeros: components that are equal would stay so, as
// their gradients are.

// What is added to each weight: sums of weighted numbers then stay normal, for scales up to e^20, which Swift sees to.
#define MIXTURE_LEAST 1e-26f
// Largest magnitude of (x - m)/s, and of a mean: with scales up to e^20 nothing overflows.
#define MIXTURE_FAR 1e25f
// Most evaluations of the mixture that an inverse takes.
#define MIXTURE_STEPS 64
// The inverse is found where the logit is as close as this, of its magnitude where that is above 1.
#define MIXTURE_GAP 0x1p-21f

// The components; shares are weights without MIXTURE_LEAST.
#define mixture_parts NAME(mixture_parts_type)
struct mixture_parts {
    int count;
    vec share[FLOW_MOST_PARTS], mean[FLOW_MOST_PARTS], over_scale[FLOW_MOST_PARTS];
};

static inline __attribute__((always_inline)) vec NAME(mixture_shrink)(vec a, const struct flow_transform *transform) {
    return 1 / fma_vec(magnitude(a), splat(1 / transform->sizes[1]), splat(1));
}

static inline __attribute__((always_inline)) vec NAME(mixture_held)(vec v) {
    return choose(v > MIXTURE_FAR, splat(MIXTURE_FAR), choose(v < -MIXTURE_FAR, splat(-MIXTURE_FAR), v));
}

static inline __attribute__((always_inline)) void NAME(mixture_read)(const struct flow_transform *transform,
                                                                     const float *raw, ptrdiff_t stride,
                                                                     struct mixture_parts *m) {
    const int count = (int)transform->sizes[0];
    m->count = count;
    NAME(softmax_shares)(raw + 2 * stride, stride, count, m->share);
    for (int k = 0; k < count; k++) {
        const vec mean = load(raw + (2 + count + k) * stride, LANES), a = load(raw + (2 + 2 * count + k) * stride, LANES);
        m->mean[k] = NAME(mixture_held)(mean) + (float)(2 * k + 1 - count) / (float)count;
        m->over_scale[k] = NAME(exp)(-a * NAME(mixture_shrink)(a, transform));
    }
}

// What all components together give at x. With u = (x − m)/s, least = min |u| and q = 1/(1 + e^-|u|) = σ(|u|), one of σ(u) and
// σ(-u) is q and the other e^-least · e · q, where e = e^(least - |u|) is 1 for some component: what is small is small as a
// whole, and the common factor is taken out of the sums. F is `below` times e^-least where `below_is_far`, which it is when
// every component lies above x; 1 − F is `above` likewise; F' is `density` times e^-least.
#define mixture_sums NAME(mixture_sums_type)
struct mixture_sums {
    vec least, near, below, above, density;
    ivec below_is_far, above_is_far;
};

// u of component k.
static inline __attribute__((always_inline)) vec NAME(mixture_u)(const struct mixture_parts *m, int k, vec x) {
    return NAME(mixture_held)((x - m->mean[k]) * m->over_scale[k]);
}

// Keeps e and q of each component where they are asked for.
static inline __attribute__((always_inline)) struct mixture_sums NAME(mixture_sum)(const struct mixture_parts *m, vec x,
                                                                                   vec *e_of, vec *q_of) {
    struct mixture_sums sums;
    vec least = splat(MIXTURE_FAR);
    for (int k = 0; k < m->count; k++) {
        const vec distance = magnitude(NAME(mixture_u)(m, k, x));
        least = choose(distance < least, distance, least);
    }
    const vec near = NAME(exp)(-least), zero = splat(0);
    vec below = zero, below_far = zero, above = zero, above_far = zero, density = zero;
    for (int k = 0; k < m->count; k++) {
        const vec u = NAME(mixture_u)(m, k, x);
        const vec e = NAME(exp)(least - magnitude(u)), q = 1 / fma_vec(e, near, splat(1));
        const vec large = (m->share[k] + MIXTURE_LEAST) * q, small = large * e;
        const ivec passed = u >= 0;
        below += choose(passed, large, zero);
        above += choose(passed, zero, large);
        below_far += choose(passed, zero, small);
        above_far += choose(passed, small, zero);
        density = fma_vec(small * q, m->over_scale[k], density);
        if (e_of) e_of[k] = e, q_of[k] = q;
    }
    sums.least = least;
    sums.near = near;
    sums.below_is_far = below == 0;
    sums.above_is_far = above == 0;
    sums.below = choose(sums.below_is_far, below_far, fma_vec(near, below_far, below));
    sums.above = choose(sums.above_is_far, above_far, fma_vec(near, above_far, above));
    sums.density = density;
    return sums;
}

// logit F(x) and its log-derivative.
static inline __attribute__((always_inline)) vec NAME(mixture_logit)(const struct mixture_sums *sums, vec *log_slope) {
    const vec zero = splat(0);
    const vec below = choose(sums->below_is_far, sums->least, zero), above = choose(sums->above_is_far, sums->least, zero);
    *log_slope = NAME(log)(sums->density / (sums->below * sums->above)) + ((below + above) - sums->least);
    return NAME(log)(sums->below / sums->above) + (above - below);
}

static __attribute__((noinline)) vec NAME(mixture_forward)(const struct flow_transform *transform, const float *raw,
                                                           ptrdiff_t stride, vec x, vec *log_derivative) {
    struct mixture_parts m;
    NAME(mixture_read)(transform, raw, stride, &m);
    const vec a = load(raw + stride, LANES), s = a * NAME(mixture_shrink)(a, transform);
    const struct mixture_sums sums = NAME(mixture_sum)(&m, x, NULL, NULL);
    vec log_slope;
    const vec logit = NAME(mixture_logit)(&sums, &log_slope);
    *log_derivative = log_slope + s;
    return fma_vec(logit, NAME(exp)(s), load(raw, LANES));
}

// The root of logit F(x) = y by Newton's steps, held in a bracket. At the least of the components' own roots, m + s y, no
// component's share is more than σ(y), at the largest none less. A step that leaves the bracket, or is not half of the one
// before, is one to its middle. A lane that is done keeps its bits, whatever the others still do; its log-slope is that of
// the mixture at the very x that is returned.
static __attribute__((noinline)) vec NAME(mixture_inverse)(const struct flow_transform *transform, const float *raw,
                                                           ptrdiff_t stride, vec z, vec *log_derivative) {
    struct mixture_parts m;
    NAME(mixture_read)(transform, raw, stride, &m);
    const vec a = load(raw + stride, LANES), s = a * NAME(mixture_shrink)(a, transform);
    const vec y = NAME(mixture_held)((z - load(raw, LANES)) * NAME(exp)(-s));
    const vec gap = MIXTURE_GAP * choose(magnitude(y) > 1, magnitude(y), splat(1));
    vec x = splat(0), low = splat(0), high = splat(0);
    for (int k = 0; k < m.count; k++) {
        const vec own = m.mean[k] + y / m.over_scale[k];
        x = fma_vec(m.share[k], own, x);
        low = k == 0 ? own : choose(own < low, own, low);
        high = k == 0 ? own : choose(own > high, own, high);
    }
    x = choose(x < low, low, choose(x > high, high, x));
    vec last = high - low, log_slope = splat(0);
    ivec open = splat(0) == splat(0);
    for (int i = 1;; i++) {
        const struct mixture_sums sums = NAME(mixture_sum)(&m, x, NULL, NULL);
        vec own_log_slope;
        const vec rest = NAME(mixture_logit)(&sums, &own_log_slope) - y;
        log_slope = choose(open, own_log_slope, log_slope);
        low = choose(rest < 0, x, low);
        high = choose(rest > 0, x, high);
        const vec step = rest * NAME(exp)(-own_log_slope);
        vec next = x - step;
        const ivec is_good = (next > low) & (next < high) & (magnitude(step) < 0.5f * last);
        next = choose(is_good, next, 0.5f * low + 0.5f * high);
        const vec moved = magnitude(next - x);
        open &= (magnitude(rest) > gap) & (moved > 0x1p-24f * magnitude(x));
        if (i == MIXTURE_STEPS || !__builtin_reduce_or(open)) break;
        x = choose(open, next, x);
        last = choose(open, moved, last);
    }
    *log_derivative = -(log_slope + s);
    return x;
}

static inline __attribute__((always_inline)) vec NAME(mixture)(int inverse, const struct flow_transform *transform,
                                                               const float *raw, ptrdiff_t stride, vec x,
                                                               vec *log_derivative) {
    return inverse ? NAME(mixture_inverse)(transform, raw, stride, x, log_derivative)
                   : NAME(mixture_forward)(transform, raw, stride, x, log_derivative);
}

static __attribute__((noinline)) vec NAME(mixture_backward)(const struct flow_transform *transform, const float *raw,
                                                            ptrdiff_t stride, vec x, vec dz, vec dlog, float *draw) {
    struct mixture_parts m;
    NAME(mixture_read)(transform, raw, stride, &m);
    const int count = m.count;
    vec e_of[FLOW_MOST_PARTS], q_of[FLOW_MOST_PARTS];
    const struct mixture_sums sums = NAME(mixture_sum)(&m, x, e_of, q_of);
    vec log_slope;
    const vec logit = NAME(mixture_logit)(&sums, &log_slope);

    // the affine map
    const vec a = load(raw + stride, LANES), shrink = NAME(mixture_shrink)(a, transform);
    const vec by_logit = dz * NAME(exp)(a * shrink);
    store(dz, draw, LANES);
    store(fma_vec(by_logit, logit, dlog) * shrink * shrink, draw + stride, LANES);

    // gradients by ln F and ln (1 - F), over F and 1 - F; those of the smaller parts have the factor e^-least where the sum
    // has not
    const vec one = splat(1);
    const vec by_below = (by_logit - dlog) / sums.below, by_above = (-by_logit - dlog) / sums.above;
    const vec by_below_far = by_below * choose(sums.below_is_far, one, sums.near);
    const vec by_above_far = by_above * choose(sums.above_is_far, one, sums.near);
    const vec by_both = by_below_far - by_above_far, over_density = 1 / sums.density;
    vec by_x = splat(0), mean = splat(0);
    for (int k = 0; k < count; k++) {
        const vec e = e_of[k], q = q_of[k], over_scale = m.over_scale[k], weight = m.share[k] + MIXTURE_LEAST;
        const vec u = NAME(mixture_u)(&m, k, x);
        const ivec passed = u >= 0;
        // F', for a weight of 1: (e q²)/s
        const vec slope = e * q * q, part = slope * over_scale * over_density;
        const vec by_weight = fma_vec(
            q, choose(passed, by_below, by_above) + e * choose(passed, by_above_far, by_below_far), dlog * part);
        // σ(-u) - σ(u)
        const vec tilt = choose(passed, -q, q) * (1 - e * sums.near);
        const vec by_u = weight * fma_vec(slope, by_both, dlog * part * tilt);
        const vec by_mean = -by_u * over_scale;
        by_x -= by_mean;
        const vec raw_scale = load(raw + (2 + 2 * count + k) * stride, LANES);
        const vec own_shrink = NAME(mixture_shrink)(raw_scale, transform);
        const vec by_log_scale = -fma_vec(u, by_u, dlog * (weight * part));
        store(by_weight, draw + (2 + k) * stride, LANES);
        store(by_mean, draw + (2 + count + k) * stride, LANES);
        store(by_log_scale * own_shrink * own_shrink, draw + (2 + 2 * count + k) * stride, LANES);
        mean = fma_vec(m.share[k], by_weight, mean);
    }
    for (int k = 0; k < count; k++) {
        float *own = draw + (2 + k) * stride;
        store(m.share[k] * (load(own, LANES) - mean), own, LANES);
    }
    return by_x;
}
