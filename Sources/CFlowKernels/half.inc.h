// Products of bfloat16 numbers, two steps of depth side by side in 32 bits, the first in the low half; sums in single
// precision. DOT_BF16: the CPU multiplies and adds such pairs itself.

typedef unsigned NAME(pvec) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef unsigned short NAME(hvec) __attribute__((vector_size(LANES * 2), aligned(2)));
#define pvec NAME(pvec)
#define hvec NAME(hvec)

#define PANEL 32
// Steps of a tile's operand A that are asked for ahead, as in product.inc.h.
#define HALF_AHEAD 32

// One pair of steps of a tile: every sum takes the first step's product, then the second's.
static inline __attribute__((always_inline)) pvec NAME(pair)(const unsigned short *b) {
    unsigned pair;
    __builtin_memcpy(&pair, b, sizeof pair);
    return (pvec){} + pair;
}
#if DOT_BF16
typedef __bf16 NAME(bfloats) __attribute__((vector_size(64)));
#define STEPS(COUNT)                                                                                            \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < COUNT; j++) {                                               \
        const pvec column = NAME(pair)(b + j * b_stride);                                                              \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 2; i++) sum[i][j] =                                 \
            __builtin_ia32_dpbf16ps_512(sum[i][j], (NAME(bfloats))lanes[i], (NAME(bfloats))column);                    \
    }
#else
#define STEP(COUNT, FLOATS)                                                                                     \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < COUNT; j++) {                                               \
        const pvec column = NAME(pair)(b + j * b_stride);                                                              \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 2; i++) sum[i][j] =                                 \
            fma_vec(FLOATS(lanes[i]), FLOATS(column), sum[i][j]);                                                      \
    }
#define STEPS(COUNT) STEP(COUNT, FIRST) STEP(COUNT, SECOND)
#endif
#define FIRST(p) ((vec)((p) << 16))
#define SECOND(p) ((vec)((p) & 0xffff0000))

#define HALF_TILE(COUNT)                                                                                            \
    static void NAME(half_tile_##COUNT)(const struct flow_product_bf16 *p, const unsigned short *a,                    \
                                        const unsigned short *b, float *c, const float *bias) {                        \
        const ptrdiff_t b_step = p->b_step, b_stride = p->b_stride, c_stride = p->c_stride;                            \
        vec sum[2][COUNT];                                                                                             \
        for (int j = 0; j < COUNT; j++)                                                                                \
            for (int i = 0; i < 2; i++)                                                                                \
                sum[i][j] = (p->accumulate ? *(const vec *)(c + j * c_stride + i * LANES) : splat(0)) +                \
                            *(const vec *)(bias + i * LANES);                                                          \
        for (ptrdiff_t t = p->pairs; t > 0; t--) {                                                                     \
            pvec lanes[2];                                                                                            \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 2; i++) {                                           \
                lanes[i] = *(const pvec *)(a + 2 * i * LANES);                                                        \
                __builtin_prefetch(a + HALF_AHEAD * 2 * PANEL + 2 * i * LANES, 0, 3);                                  \
            }                                                                                                          \
            STEPS(COUNT)                                                                                               \
            a += 2 * PANEL;                                                                                            \
            b += b_step;                                                                                               \
        }                                                                                                              \
        for (int j = 0; j < COUNT; j++)                                                                                \
            for (int i = 0; i < 2; i++) *(vec *)(c + j * c_stride + i * LANES) = sum[i][j];                            \
    }

HALF_TILE(1) HALF_TILE(2) HALF_TILE(3) HALF_TILE(4) HALF_TILE(5) HALF_TILE(6)
#if TILE_COUNT > 6
HALF_TILE(7) HALF_TILE(8) HALF_TILE(9) HALF_TILE(10) HALF_TILE(11) HALF_TILE(12)
#endif

typedef void (*NAME(half_tile))(const struct flow_product_bf16 *, const unsigned short *, const unsigned short *,
                                float *, const float *);
static const NAME(half_tile) NAME(half_tiles)[] = {
    NULL,
    NAME(half_tile_1),
    NAME(half_tile_2),
    NAME(half_tile_3),
    NAME(half_tile_4),
    NAME(half_tile_5),
    NAME(half_tile_6),
#if TILE_COUNT > 6
    NAME(half_tile_7),
    NAME(half_tile_8),
    NAME(half_tile_9),
    NAME(half_tile_10),
    NAME(half_tile_11),
    NAME(half_tile_12),
#endif
};

static void NAME(product_bf16)(const struct flow_product_bf16 *p) {
    const ptrdiff_t tiles = (p->count + TILE_COUNT - 1) / TILE_COUNT;
    for (ptrdiff_t l = 0; l < PANEL; l += 2 * LANES)
        for (ptrdiff_t i = 0, j = 0; i < tiles; i++) {
            const ptrdiff_t next = (i + 1) * p->count / tiles;
            NAME(half_tiles)[next - j](p, p->a + 2 * l, p->b + j * p->b_stride, p->c + j * p->c_stride + l, p->bias + l);
            j = next;
        }
}

// To the nearest, to even in the middle; NaN stays NaN, and a number too large becomes infinite. In the low halves.
static inline __attribute__((always_inline)) pvec NAME(rounded)(vec x) {
    const pvec bits = (pvec)x, up = bits + 0x7fff + (bits >> 16 & 1);
    return (pvec)choose(x != x, (vec)(bits | 0x400000), (vec)up) >> 16;
}

static void NAME(round_bf16)(const float *x, ptrdiff_t x_stride, ptrdiff_t x_step, unsigned short *y,
                             ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t columns, int zero) {
    for (ptrdiff_t r = 0; r < rows; r++, x += x_stride, y += y_stride) {
        for (ptrdiff_t j = 0; j < columns; j += LANES) {
            const ptrdiff_t count = columns - j < LANES ? columns - j : LANES;
            vec v = splat(0);
            if (x_step == 1)
                v = load(x + j, count);
            else
                for (ptrdiff_t l = 0; l < count; l++) v[l] = x[(j + l) * x_step];
            const hvec h = __builtin_convertvector(NAME(rounded)(v), hvec);
            if (count == LANES)
                *(hvec *)(y + j) = h;
            else
                __builtin_memcpy(y + j, &h, count * sizeof(short));
        }
        if (zero) y[columns] = 0;
    }
}

static void NAME(widen_bf16)(const unsigned short *a, float *y, ptrdiff_t steps) {
    for (ptrdiff_t t = 0; t < steps; t += 2)
        for (ptrdiff_t l = 0; l < PANEL; l += LANES) {
            const pvec p = *(const pvec *)(a + t * PANEL + 2 * l);
            *(vec *)(y + t * PANEL + l) = FIRST(p);
            if (t + 1 < steps) *(vec *)(y + (t + 1) * PANEL + l) = SECOND(p);
        }
}
