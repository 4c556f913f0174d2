// Uniforms and standard normals of a Philox4x32-10 stream, PAIRS blocks of four words side by side.

// Words 0 to 3 of the blocks from `index` on, each in the low half of its lane.
static inline __attribute__((always_inline)) void NAME(philox)(unsigned long long seed, unsigned long long stream,
                                                               unsigned long long index, uvec words[4]) {
    uvec a, b, c = (uvec){} + (stream & 0xffffffff), d = (uvec){} + (stream >> 32);
    for (int i = 0; i < PAIRS; i++) {
        a[i] = (index + i) & 0xffffffff;
        b[i] = (index + i) >> 32;
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
    words[0] = a;
    words[1] = b;
    words[2] = c;
    words[3] = d;
}

// Four a block: (n + 1/2) / 2^23 with n the upper 23 bits of a word, exact in single precision.
static void NAME(uniforms)(unsigned long long seed, unsigned long long stream, float *y, ptrdiff_t count) {
    for (ptrdiff_t first = 0; first < count; first += 4 * PAIRS) {
        uvec words[4];
        NAME(philox)(seed, stream, (unsigned long long)first / 4, words);
        const uvec ab = words[0] | words[1] << 32, cd = words[2] | words[3] << 32;
        const uvec halves[2] = {DLOW(ab, cd), DHIGH(ab, cd)};
        for (int h = 0; h < 2; h++) {
            const ptrdiff_t at = first + h * LANES;
            if (at >= count) break;
            // 32-bit lanes of 23 bits each
            const ivec n = (ivec)(halves[h] >> 9 & 0x007fffff007fffff);
            store((__builtin_convertvector(n, vec) + 0.5f) * 0x1p-23f, y + at, count - at);
        }
    }
}

// Two a block, by Box and Muller in double precision. The polynomials are fdlibm's (k_sin.c, k_cos.c), with errors below
// one ulp of a double.

// cos(2 pi v) for v in [0, 1).
static inline __attribute__((always_inline)) dvec NAME(cos_turns)(dvec v) {
    // the last bits of `shifted` are the nearest integer
    const dvec quarters = 4 * v, shift = (dvec){} + 0x1.8p52, shifted = quarters + shift;
    const dvec x = (quarters - (shifted - shift)) * 1.57079632679489661923, z = x * x;
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
    const lvec quadrant = (lvec)shifted & 3;
    const dvec y = NAME(dchoose)((quadrant & 1) != 0, sine, cosine);
    // cos, -sin, -cos, sin
    return NAME(dchoose)((quadrant == 1) | (quadrant == 2), -y, y);
}

// A word as a number: the last bits of a double in [2^52, 2^53) are its integer.
static inline __attribute__((always_inline)) dvec NAME(word)(uvec w) {
    return (dvec)(w | 0x4330000000000000) - 0x1p52;
}

static void NAME(normals)(unsigned long long seed, unsigned long long stream, float *y, ptrdiff_t count) {
    for (ptrdiff_t first = 0; first < count; first += 2 * PAIRS) {
        uvec words[4];
        NAME(philox)(seed, stream, (unsigned long long)first / 2, words);
        half_vec normal[2];
        for (int i = 0; i < 2; i++) {
            const dvec u = (NAME(word)(words[2 * i]) + 1) * 0x1p-32;
            const dvec v = NAME(word)(words[2 * i + 1]) * 0x1p-32;
            const dvec radius = __builtin_elementwise_sqrt(-2 * NAME(dlog)(u));
            normal[i] = __builtin_convertvector(radius * NAME(cos_turns)(v), half_vec);
        }
        // the first of each block, and the second
        store(PAIR(normal[0], normal[1]), y + first, count - first);
    }
}
