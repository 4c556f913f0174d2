// Products of weights that are kept in half precision, which holds them exactly: half the bytes to read. Every number is widened
// before it is multiplied, so the results are those of product.inc.h for the same weights in single precision, to the last bit.

typedef unsigned short NAME(wvec) __attribute__((vector_size(LANES * 2), aligned(2)));
#define wvec NAME(wvec)

// Lanes of a panel, and steps that are widened at once where many columns use them: 16 KiB, half of a first-level cache.
#define F16_LANES 32
#define F16_STEPS 128

// A finite number: exponent and significand moved to their places, and the difference of the exponents' biases, 2^112, multiplied
// in, which makes the subnormal ones right too.
static inline __attribute__((always_inline)) vec NAME(widened)(const unsigned short *x) {
#if LANES > 4
    typedef _Float16 halves __attribute__((vector_size(LANES * 2), aligned(2)));
    return __builtin_convertvector(*(const halves *)x, vec);
#else
    const ivec bits = __builtin_convertvector(*(const wvec *)x, ivec);
    const vec magnitude = (vec)((bits & 0x7fff) << 13) * splat(0x1p112f);
    return (vec)((ivec)magnitude | (bits & 0x8000) << 16);
#endif
}

static void NAME(widen_f16)(const unsigned short *x, float *y, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += LANES) *(vec *)(y + i) = NAME(widened)(x + i);
}

static int NAME(narrow_f16)(const float *x, unsigned short *y, ptrdiff_t count) {
    ivec same = (ivec)splat(0) == 0;
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vec v = *(const vec *)(x + i);
        const ivec size = (ivec)(magnitude(v) * splat(0x1p-112f)) >> 13;
        const ivec bits = size | ((ivec)v >> 16 & 0x8000);
        *(wvec *)(y + i) = __builtin_convertvector(bits, wvec);
        // in this order: what is too large is infinite in half precision, and its bits are not those of a number
        same &= (size < 0x7c00) & ((ivec)NAME(widened)(y + i) == (ivec)v);
    }
    int all = 1;
    for (int l = 0; l < LANES; l++) all &= same[l] != 0;
    return all;
}

#if LANES > 4
// A column or two read the whole panel in one sweep; up to six in two.
#define F16_TILE(WIDTH, COUNT) TILE_OF(f16_tile_##WIDTH##_##COUNT, WIDTH, COUNT, unsigned short, NAME(widened), 0)

#if LANES == 8
F16_TILE(4, 1) F16_TILE(4, 2)
#endif
F16_TILE(2, 1) F16_TILE(2, 2) F16_TILE(2, 3) F16_TILE(2, 4) F16_TILE(2, 5) F16_TILE(2, 6)

typedef void (*NAME(f16_tile))(const struct flow_product *, const unsigned short *, const float *, float *,
                               const float *);
static const NAME(f16_tile) NAME(f16_tiles_2)[] = {NULL,
                                                   NAME(f16_tile_2_1),
                                                   NAME(f16_tile_2_2),
                                                   NAME(f16_tile_2_3),
                                                   NAME(f16_tile_2_4),
                                                   NAME(f16_tile_2_5),
                                                   NAME(f16_tile_2_6)};
#endif

// Of whole panels, `a_stride` and `lanes` both 32.
static void NAME(product_f16)(const struct flow_product *p) {
#if LANES == 8
    if (p->count <= 2) {
        (p->count == 1 ? NAME(f16_tile_4_1) : NAME(f16_tile_4_2))(p, p->half_a, p->b, p->c, p->bias);
        return;
    }
#endif
#if LANES > 4
    if (p->count <= 6) {
        for (ptrdiff_t l = 0; l < F16_LANES; l += 2 * LANES)
            NAME(f16_tiles_2)[p->count](p, p->half_a + l, p->b, p->c + l, p->bias ? p->bias + l : NULL);
        return;
    }
#endif
    // Many columns: the same chains of multiply-adds, a piece of the depth after the other.
    float wide[F16_STEPS * F16_LANES] __attribute__((aligned(64)));
    struct flow_product piece = *p;
    piece.half_a = NULL;
    piece.a = wide;
    for (ptrdiff_t t = 0; t < p->depth; t += F16_STEPS) {
        piece.depth = p->depth - t < F16_STEPS ? p->depth - t : F16_STEPS;
        NAME(widen_f16)(p->half_a + t * F16_LANES, wide, piece.depth * F16_LANES);
        NAME(product_f32)(&piece);
        piece.b += piece.depth * p->b_step;
        piece.accumulate = 1;
        piece.bias = NULL;
    }
}

static void NAME(product)(const struct flow_product *p) {
    if (p->half_a && p->depth > 0)
        NAME(product_f16)(p);
    else
        NAME(product_f32)(p);
}
