// Functions of one vector. The polynomials are those of Moshier's Cephes library (single precision); the errors in ulp
// stand in docs/reference/numerics.md and are asserted in ElementwiseTests and FunctionTests.

// n = x / ln 2 to the nearest integer and r = x - n ln 2, ln 2 in two parts (Cody & Waite, 1980); |x| below 2^15.
static inline __attribute__((always_inline)) vec NAME(reduce)(vec x, ivec *n) {
    const vec shift = splat(0x1.8p23f);
    const vec k = fma_vec(x, splat(1.44269504088896341f), shift) - shift;
    *n = __builtin_convertvector(k, ivec);
    return fma_vec(k, splat(2.12194440e-4f), fma_vec(k, splat(-0.693359375f), x));
}

// e^r - 1 for |r| <= ln 2 / 2.
static inline __attribute__((always_inline)) vec NAME(expm1_reduced)(vec r) {
    vec p = splat(1.9875691500e-4f);
    p = fma_vec(p, r, splat(1.3981999507e-3f));
    p = fma_vec(p, r, splat(8.3334519073e-3f));
    p = fma_vec(p, r, splat(4.1665795894e-2f));
    p = fma_vec(p, r, splat(1.6666665459e-1f));
    p = fma_vec(p, r, splat(5.0000001201e-1f));
    return fma_vec(p, r * r, r);
}

// 2^n for n in -126...127.
static inline __attribute__((always_inline)) vec NAME(power_of_two)(ivec n) { return (vec)((n + 127) << 23); }

// e^x; 0 below -104, infinity above 88.73, NaN for NaN.
static inline __attribute__((always_inline)) vec NAME(exp)(vec x) {
    vec c = choose(x < -104, splat(-104), choose(x > 89, splat(89), x));
    c = choose(x != x, splat(0), c);
    ivec n;
    const vec r = NAME(reduce)(c, &n);
    // in two factors, so that the ends of the range are rounded once
    const ivec half = n >> 1;
    vec y = (1 + NAME(expm1_reduced)(r)) * NAME(power_of_two)(half) * NAME(power_of_two)(n - half);
    return choose(x != x, x, y);
}

// e^x - 1 for x <= 0.
static inline __attribute__((always_inline)) vec NAME(expm1_negative)(vec x) {
    const vec c = choose(x < -20, splat(-20), x);
    ivec n;
    const vec r = NAME(reduce)(choose(x != x, splat(0), c), &n);
    const vec scale = NAME(power_of_two)(n);
    return choose(x != x, x, fma_vec(scale, NAME(expm1_reduced)(r), scale - 1));
}

static inline __attribute__((always_inline)) vec NAME(tanh)(vec x) {
    const vec a = magnitude(x), square = x * x;
    vec p = splat(-5.70498872745e-3f);
    p = fma_vec(p, square, splat(2.06390887954e-2f));
    p = fma_vec(p, square, splat(-5.37397155531e-2f));
    p = fma_vec(p, square, splat(1.33314422036e-1f));
    p = fma_vec(p, square, splat(-3.33332819422e-1f));
    const vec small = fma_vec(p * square, x, x);
    const vec e = NAME(exp)(-2 * a);
    const vec large = (1 - e) / (1 + e);
    const vec signed_large = (vec)((ivec)large | ((ivec)x & (int)0x80000000));
    return choose(a < 0.625f, small, signed_large);
}

// Twice the normal distribution function of -a, a in 0...16: erfc(a / sqrt 2).
static inline __attribute__((always_inline)) vec NAME(normal_tail)(vec a) {
    const vec x = a * 0.70710678118654752f, square = x * x;
    vec t = splat(7.853861353153693e-5f);
    t = fma_vec(t, square, splat(-8.010193625184903e-4f));
    t = fma_vec(t, square, splat(5.188327685732524e-3f));
    t = fma_vec(t, square, splat(-2.685381193529856e-2f));
    t = fma_vec(t, square, splat(1.128358514861418e-1f));
    t = fma_vec(t, square, splat(-3.761262582423300e-1f));
    t = fma_vec(t, square, splat(1.128379165726710f));
    const vec q = 1 / choose(x < 1, splat(1), x), y = q * q;
    vec p = splat(2.326819970068386e-2f);
    p = fma_vec(p, y, splat(-1.387039388740657e-1f));
    p = fma_vec(p, y, splat(3.687424674597105e-1f));
    p = fma_vec(p, y, splat(-5.824733027278666e-1f));
    p = fma_vec(p, y, splat(6.210004621745983e-1f));
    p = fma_vec(p, y, splat(-4.944515323274145e-1f));
    p = fma_vec(p, y, splat(3.404879937665872e-1f));
    p = fma_vec(p, y, splat(-2.741127028184656e-1f));
    p = fma_vec(p, y, splat(5.638259427386472e-1f));
    vec w = splat(-1.047766399936249e1f);
    w = fma_vec(w, y, splat(1.297719955372516e1f));
    w = fma_vec(w, y, splat(-7.495518717768503f));
    w = fma_vec(w, y, splat(2.921019019210786f));
    w = fma_vec(w, y, splat(-1.015265279202700f));
    w = fma_vec(w, y, splat(4.218463358204948e-1f));
    w = fma_vec(w, y, splat(-2.820767439740514e-1f));
    w = fma_vec(w, y, splat(5.641895067754075e-1f));
    // e^(-a^2 / 2) without the square's rounding error, which the exponential would enlarge: h is a, cut to 12 bits
    const vec h = (vec)((ivec)a & (int)0xfffff000);
    const vec tail = NAME(exp)(h * h * -0.5f) * NAME(exp)((h - a) * (h + a) * 0.5f) * q * choose(x < 2, p, w);
    return choose(x < 1, fma_vec(-t, x, splat(1)), tail);
}

// The normal distribution function.
static inline __attribute__((always_inline)) vec NAME(normal)(vec x) {
    const vec a = magnitude(x), c = 0.5f * NAME(normal_tail)(choose(a > 16, splat(16), a));
    return choose(x < 0, c, 1 - c);
}

// x times the normal distribution function; -0 below -16, where it is below the smallest number.
static inline __attribute__((always_inline)) vec NAME(gelu)(vec x) {
    const vec a = magnitude(x), c = 0.5f * NAME(normal_tail)(choose(a > 16, splat(16), a));
    return choose(x < 0, choose(x < -16, splat(-0.0f), x * c), x * (1 - c));
}

// ln x; -infinity for 0, infinity for infinity, NaN below 0 and for NaN.
static inline __attribute__((always_inline)) vec NAME(log)(vec x) {
    const ivec usual = (x > 0) & (x < __builtin_inff());
    const vec c = choose(usual, x, splat(1));
    const ivec tiny = c < 0x1p-126f;
    const vec scaled = choose(tiny, c * 0x1p23f, c);
    // scaled = (1 + f) 2^k with 1 + f in [sqrt(1/2), sqrt 2)
    const ivec bits = (ivec)scaled + (0x3f800000 - 0x3f3504f3);
    const vec k = __builtin_convertvector((bits >> 23) - 127 - (tiny & 23), vec);
    const vec f = (vec)((bits & 0x007fffff) + 0x3f3504f3) - 1, square = f * f;
    vec p = splat(7.0376836292e-2f);
    p = fma_vec(p, f, splat(-1.1514610310e-1f));
    p = fma_vec(p, f, splat(1.1676998740e-1f));
    p = fma_vec(p, f, splat(-1.2420140846e-1f));
    p = fma_vec(p, f, splat(1.4249322787e-1f));
    p = fma_vec(p, f, splat(-1.6668057665e-1f));
    p = fma_vec(p, f, splat(2.0000714765e-1f));
    p = fma_vec(p, f, splat(-2.4999993993e-1f));
    p = fma_vec(p, f, splat(3.3333331174e-1f));
    const vec small = fma_vec(square, splat(-0.5f), fma_vec(k, splat(-2.12194440e-4f), p * f * square));
    const vec y = fma_vec(k, splat(0.693359375f), f + small);
    const vec other = choose(x == 0, splat(-__builtin_inff()), choose(x > 0, x, splat(__builtin_nanf(""))));
    return choose(usual, y, other);
}

// 1 / (1 + e^-x).
static inline __attribute__((always_inline)) vec NAME(sigmoid)(vec x) {
    const vec e = NAME(exp)(-magnitude(x));
    return choose(x < 0, e, splat(1)) / (1 + e);
}

// ln (1 + e^x) = max(x, 0) + ln (1 + e), e = e^-|x|; what 1 + e rounds away comes back to first order.
static inline __attribute__((always_inline)) vec NAME(softplus)(vec x) {
    const vec e = NAME(exp)(-magnitude(x)), u = 1 + e;
    return choose(x > 0, x, splat(0)) + (NAME(log)(u) + (e - (u - 1)) / u);
}
