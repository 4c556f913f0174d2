// The one matrix kernel: a register tile of WIDTH vectors of lanes by COUNT broadcast columns, over the whole depth.
// TILE_COUNT is the most columns that fit the registers beside two vectors of A.

// A is read once per tile row and, when it is weights, streams from memory: ask for what comes some steps later. Measured
// on Zen 5, weights from L3, 12 rows: 134 GFLOP/s without, 218 with 64 steps; 16 rows: 190 with 64, 201 with 128.
#define AHEAD 128
// With shorter vectors a step is half as many multiply-adds, and asking costs more than it brings: docs/measurements/2026-11-24-kernels.md.
#define ASKS (LANES > 8)

// A is of ELEMENT, LOADED makes a vector of floats of it, and IS_ASKED says whether what comes later is asked for.
#define TILE_OF(FUNCTION, WIDTH, COUNT, ELEMENT, LOADED, IS_ASKED)                                                     \
    static void NAME(FUNCTION)(const struct flow_product *p, const ELEMENT *a, const float *b, float *c,               \
                               const float *bias) {                                                                    \
        const ptrdiff_t a_stride = p->a_stride, b_step = p->b_step, b_stride = p->b_stride, c_stride = p->c_stride;    \
        const ptrdiff_t a_ahead = p->depth >= 1 * AHEAD ? AHEAD * a_stride : 0, b_ahead = p->b_ahead;                  \
        vec sum[WIDTH][COUNT];                                                                                         \
        for (int j = 0; j < COUNT; j++)                                                                                \
            for (int i = 0; i < WIDTH; i++)                                                                            \
                sum[i][j] = (p->accumulate ? *(const vec *)(c + j * c_stride + i * LANES) : splat(0)) +                \
                            (bias ? *(const vec *)(bias + i * LANES) : splat(0));                                      \
        for (ptrdiff_t t = p->depth; t > 0; t--) {                                                                     \
            vec lanes[WIDTH];                                                                                          \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < WIDTH; i++) {                                       \
                lanes[i] = LOADED(a + i * LANES);                                                                      \
                if (IS_ASKED) __builtin_prefetch(a + a_ahead + i * LANES, 0, 3);                                       \
            }                                                                                                          \
            if (IS_ASKED) __builtin_prefetch(b + b_ahead, 0, 3);                                                       \
            _Pragma("clang loop unroll(full)") for (int j = 0; j < COUNT; j++) {                                       \
                const vec column = splat(b[j * b_stride]);                                                             \
                _Pragma("clang loop unroll(full)") for (int i = 0; i < WIDTH; i++) sum[i][j] =                         \
                    fma_vec(lanes[i], column, sum[i][j]);                                                              \
            }                                                                                                          \
            a += a_stride;                                                                                             \
            b += b_step;                                                                                               \
        }                                                                                                              \
        for (int j = 0; j < COUNT; j++)                                                                                \
            for (int i = 0; i < WIDTH; i++) *(vec *)(c + j * c_stride + i * LANES) = sum[i][j];                        \
    }

#define SINGLE(a) (*(const vec *)(a))
#define TILE(WIDTH, COUNT) TILE_OF(tile_##WIDTH##_##COUNT, WIDTH, COUNT, float, SINGLE, ASKS)

TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 5) TILE(1, 6)
TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)
// Few columns: more lanes at once, so that enough independent chains hide the latency of a multiply-add.
TILE(4, 1) TILE(4, 2) TILE(4, 3)
#if TILE_COUNT > 6
TILE(1, 7) TILE(1, 8) TILE(1, 9) TILE(1, 10) TILE(1, 11) TILE(1, 12)
TILE(2, 7) TILE(2, 8) TILE(2, 9) TILE(2, 10) TILE(2, 11) TILE(2, 12)
#endif

#define ROW(WIDTH)                                                                                                     \
    NULL, NAME(tile_##WIDTH##_1), NAME(tile_##WIDTH##_2), NAME(tile_##WIDTH##_3), NAME(tile_##WIDTH##_4),              \
        NAME(tile_##WIDTH##_5), NAME(tile_##WIDTH##_6)
#define ROW_REST(WIDTH)                                                                                                \
    NAME(tile_##WIDTH##_7), NAME(tile_##WIDTH##_8), NAME(tile_##WIDTH##_9), NAME(tile_##WIDTH##_10),                   \
        NAME(tile_##WIDTH##_11), NAME(tile_##WIDTH##_12)

typedef void (*NAME(tile))(const struct flow_product *, const float *, const float *, float *, const float *);
static const NAME(tile) NAME(tiles_1)[] = {
    ROW(1),
#if TILE_COUNT > 6
    ROW_REST(1),
#endif
};
static const NAME(tile) NAME(tiles_2)[] = {
    ROW(2),
#if TILE_COUNT > 6
    ROW_REST(2),
#endif
};
static const NAME(tile) NAME(tiles_4)[] = {NULL, NAME(tile_4_1), NAME(tile_4_2), NAME(tile_4_3)};

// Lanes that fill no vector, one by one: the same chain of multiply-adds.
static void NAME(product_rest)(const struct flow_product *p, ptrdiff_t first) {
    for (ptrdiff_t j = 0; j < p->count; j++)
        for (ptrdiff_t l = first; l < p->lanes; l++) {
            float sum = (p->accumulate ? p->c[j * p->c_stride + l] : 0) + (p->bias ? p->bias[l] : 0);
            for (ptrdiff_t t = 0; t < p->depth; t++) {
                const float a = p->a[t * p->a_stride + l], b = p->b[t * p->b_step + j * p->b_stride];
#if FUSED
                sum = __builtin_fmaf(a, b, sum);
#else
                sum = a * b + sum;
#endif
            }
            p->c[j * p->c_stride + l] = sum;
        }
}

static void NAME(product_f32)(const struct flow_product *p) {
    // Tiles of nearly the same count: 13 columns make 7 + 6, not 12 + 1.
    const ptrdiff_t tiles = (p->count + TILE_COUNT - 1) / TILE_COUNT;
    ptrdiff_t l = 0;
    while (p->lanes - l >= LANES) {
        const ptrdiff_t left = p->lanes - l;
        const int width = left >= 4 * LANES && p->count <= 3 ? 4 : left >= 2 * LANES ? 2 : 1;
        const NAME(tile) *row = width == 4 ? NAME(tiles_4) : width == 2 ? NAME(tiles_2) : NAME(tiles_1);
        for (ptrdiff_t i = 0, j = 0; i < tiles; i++) {
            const ptrdiff_t next = (i + 1) * p->count / tiles;
            row[next - j](p, p->a + l, p->b + j * p->b_stride, p->c + j * p->c_stride + l, p->bias ? p->bias + l : NULL);
            j = next;
        }
        l += width * LANES;
    }
    if (l < p->lanes) NAME(product_rest)(p, l);
}
