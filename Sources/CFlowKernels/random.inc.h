// Standard normals of a Philox4x32-10 stream: each block of four words gives two, by Box and Muller in double precision.
// The polynomials are fdlibm's (e_log.c, k_sin.c, k_cos.c), with errors below one ulp of a double.

#define PAIRS (LANES / 2)
typedef double NAME(dvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
typedef float NAME(fvec) __attribute__((vector_size(PAIRS * 4), aligned(4)));
typedef long long NAME(lvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
typedef unsigned long long NAME(uvec) __attribute__((vector_size(PAIRS * 8), aligned(8)));
#if LANES == 16
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
#elif LANES == 8
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5, 2, 6, 3, 7)
#else
#define PAIR(a, b) __builtin_shufflevector(a, b, 0, 2, 1, 3)
#endif
#define dvec NAME(dvec)
#define lvec NAME(lvec)
#define uvec NAME(uvec)

static inline __attribute__((always_inline)) dvec NAME(dchoose)(lvec mask, dvec a, dvec b) {
    return (dvec)((mask & (lvec)a) | (~mask & (lvec)b));
}

// ln u for u in [2^-32, 1].
static inline __attribute__((always_inline)) dvec NAME(dlog)(dvec u) {
    // u = m 2^k with m in [sqrt(1/2), sqrt 2)
    const lvec bits = (lvec)u + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
    const lvec k = (bits >> 52) - 1023;
    const dvec m = (dvec)((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
    const dvec f = m - 1, s = f / (2 + f), z = s * s;
    dvec r = (dvec){} + 1.479819860511658591e-01;
    r = r * z + 1.531383769920937332e-01;
    r = r * z + 1.818357216161805012e-01;
    r = r * z + 2.222219843214978396e-01;
    r = r * z + 2.857142874366239149e-01;
    r = r * z + 3.999999999940941908e-01;
    r = r * z + 6.666666666666735130e-01;
    const dvec half = 0.5 * f * f, n = __builtin_convertvector(k, dvec);
    return n * 6.93147180369123816490e-01 - ((half - (s * (half + r * z) + n * 1.90821492927058770002e-10)) - f);
}

// cos(2 pi v) for v in [0, 1).
static inline __attribute__((always_inline)) dvec NAME(cos_turns)(dvec v) {
    const dvec quarters = 4 * v, shift = (dvec){} + 0x1.8p52;
    const dvec n = (quarters + shift) - shift;
    const dvec x = (quarters - n) * 1.57079632679489661923, z = x * x;
    dvec s = (dvec){} + 1.58969099521155010221e-10;
    s = s * z - 2.50507602534068634195e-08;
    s = s * z + 2.75573137070700676789e-06;
    s = s * z - 1.98412698298579493134e-04;
    s = s * z + 8.33333333332248946124e-03;
    s = s * z - 1.66666666666666324348e-01;
    const dvec sine = x + x * z * s;
    dvec c = (dvec){} - 1.13596475577881948265e-11;
    c = c * z + 2.08757232129817482790e-09;
    c = c * z - 2.75573143513906633035e-07;
    c = c * z + 2.48015872894767294178e-05;
    c = c * z - 1.38888888888741095749e-03;
    c = c * z + 4.16666666666666019037e-02;
    const dvec cosine = 1 - 0.5 * z + z * z * c;
    const lvec quadrant = __builtin_convertvector(n, lvec) & 3;
    const dvec y = NAME(dchoose)((quadrant & 1) != 0, sine, cosine);
    // cos, -sin, -cos, sin
    return NAME(dchoose)((quadrant == 1) | (quadrant == 2), -y, y);
}

static void NAME(normals)(unsigned long long seed, unsigned long long stream, float *y, ptrdiff_t count) {
    for (ptrdiff_t first = 0; first < count; first += 2 * PAIRS) {
        // PAIRS blocks of the counter side by side
        uvec a, b, c = (uvec){} + (stream & 0xffffffff), d = (uvec){} + (stream >> 32);
        for (int i = 0; i < PAIRS; i++) {
            const unsigned long long index = (unsigned long long)first / 2 + i;
            a[i] = index & 0xffffffff;
            b[i] = index >> 32;
        }
        unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
        for (int round = 0; round < 10; round++) {
            const uvec p = a * 0xD2511F53, q = c * 0xCD9E8D57;
            a = (q >> 32) ^ b ^ k0;
            b = q & 0xffffffff;
            c = (p >> 32) ^ d ^ k1;
            d = p & 0xffffffff;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        NAME(fvec) half[2];
        for (int i = 0; i < 2; i++) {
            const dvec u = (__builtin_convertvector(i ? c : a, dvec) + 1) * 0x1p-32;
            const dvec v = __builtin_convertvector(i ? d : b, dvec) * 0x1p-32;
            const dvec radius = __builtin_elementwise_sqrt(-2 * NAME(dlog)(u));
            half[i] = __builtin_convertvector(radius * NAME(cos_turns)(v), NAME(fvec));
        }
        // the first of each block, and the second
        store(PAIR(half[0], half[1]), y + first, count - first);
    }
}
