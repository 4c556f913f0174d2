// Vectors of doubles, half as many lanes as there are floats, and functions of them. The polynomials are fdlibm's
// (e_log.c, e_exp.c), with errors below one ulp of a double. Nothing is fused: all instruction sets have the same bits.

#define PAIRS (LANES / 2)
typedef double NAME(dvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
typedef long long NAME(lvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
typedef unsigned long long NAME(uvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
typedef float NAME(half) __attribute__((vector_size(PAIRS * 4), aligned(4)));
#define dvec NAME(dvec)
#define lvec NAME(lvec)
#define uvec NAME(uvec)
#define half_vec NAME(half)

// The lanes of two vectors in turn: those of the lower halves, of the upper halves, all in one vector.
#if PAIRS == 8
#define DLOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define DHIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
#elif PAIRS == 4
#define DLOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define DHIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5, 2, 6, 3, 7)
#else
#define DLOW(a, b) __builtin_shufflevector(a, b, 0, 2)
#define DHIGH(a, b) __builtin_shufflevector(a, b, 1, 3)
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 2, 1, 3)
#endif

static inline __attribute__((always_inline)) dvec NAME(dchoose)(lvec mask, dvec a, dvec b) {
    return (dvec)((mask & (lvec)a) | (~mask & (lvec)b));
}

// The first `count` lanes from memory, the others 0.
static inline __attribute__((always_inline)) dvec NAME(dload)(const float *x, ptrdiff_t count) {
    half_vec v = {};
    if (count >= PAIRS)
        v = *(const half_vec *)x;
    else if (count > 0)
        __builtin_memcpy(&v, x, count * sizeof(float));
    return __builtin_convertvector(v, dvec);
}

// Sums run in eight chains, element i in chain i mod 8, whatever the width of a vector: GROUPS vectors of PAIRS chains.
#define GROUPS (8 / PAIRS)
static inline __attribute__((always_inline)) double NAME(chains_total)(const dvec sum[GROUPS]) {
    double s[8];
    for (int i = 0; i < 8; i++) s[i] = sum[i / PAIRS][i % PAIRS];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

// x in lanes below `count`, 0 in the others.
static inline __attribute__((always_inline)) dvec NAME(first_lanes)(dvec x, ptrdiff_t count) {
    if (count >= PAIRS) return x;
    lvec lane;
    for (int l = 0; l < PAIRS; l++) lane[l] = l;
    return (dvec)((lane < (long long)count) & (lvec)x);
}

// ln u for normal positive u.
static inline __attribute__((always_inline)) dvec NAME(dlog)(dvec u) {
    // u = m 2^k with m in [sqrt(1/2), sqrt 2)
    const lvec bits = (lvec)u + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
    const lvec k = (lvec)((uvec)bits >> 52) - 1023;
    const dvec m = (dvec)((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
    const dvec f = m - 1, s = f / (2 + f), z = s * s;
    dvec r = (dvec){} + 1.479819860511658591e-01;
    r = r * z + 1.531383769920937332e-01;
    r = r * z + 1.818357216161805012e-01;
    r = r * z + 2.222219843214978396e-01;
    r = r * z + 2.857142874366239149e-01;
    r = r * z + 3.999999999940941908e-01;
    r = r * z + 6.666666666666735130e-01;
    // k as a double: added to the bits of 1.5 2^52, whose last place is 1
    const dvec half = 0.5 * f * f, n = (dvec)(k + 0x4338000000000000) - 0x1.8p52;
    return n * 6.93147180369123816490e-01 - ((half - (s * (half + r * z) + n * 1.90821492927058770002e-10)) - f);
}

// e^x for x in [-700, 0].
static inline __attribute__((always_inline)) dvec NAME(dexp)(dvec x) {
    const dvec shift = (dvec){} + 0x1.8p52, shifted = x * 1.44269504088896338700 + shift, n = shifted - shift;
    const dvec hi = x - n * 6.93147180369123816490e-01, lo = n * 1.90821492927058770002e-10;
    const dvec r = hi - lo, t = r * r;
    dvec p = (dvec){} + 4.13813679705723846039e-08;
    p = p * t - 1.65339022054652515390e-06;
    p = p * t + 6.61375632143793436117e-05;
    p = p * t - 2.77777777770155933842e-03;
    p = p * t + 1.66666666666666019037e-01;
    const dvec c = r - t * p, y = 1 - ((lo - (r * c) / (2 - c)) - hi);
    // the last bits of `shifted` are n
    return y * (dvec)(((uvec)shifted + 1023) << 52);
}
