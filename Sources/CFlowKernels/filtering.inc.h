// Minimal filtering: tiles of an image to their values at points, products there, and back. A tile's rows and columns are the
// coefficients of polynomials, so that a convolution is a product of polynomials, and one multiply-add at each point does what the
// taps of a kernel do. Points: 4 are 0, ±1, ∞; 6 are 0, ±3/4, ±3/2, ∞; 8 are 0, ±1, ±1/2, ±2, ∞. All factors here are
// exact in binary; those that are not stand with the weights.
//
// Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), §4, arXiv:1509.09308; choice of points as in
// Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution (2020), arXiv:1803.10986.

// Values at the points, to the sum of which a filter's taps add up: coefficients of ∏ (x − q) over the other points q.
static inline __attribute__((always_inline)) void NAME(input_4)(const vec *d, vec *t) {
    t[0] = d[2] - d[0];
    t[1] = d[2] + d[1];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
}

static inline __attribute__((always_inline)) void NAME(input_6)(const vec *d, vec *t) {
    const vec even_1 = fma_vec(splat(-2.25f), d[2], d[4]), odd_1 = 0.75f * fma_vec(splat(-2.25f), d[1], d[3]);
    const vec even_2 = fma_vec(splat(-0.5625f), d[2], d[4]), odd_2 = 1.5f * fma_vec(splat(-0.5625f), d[1], d[3]);
    t[0] = fma_vec(splat(1.265625f), d[0], fma_vec(splat(-2.8125f), d[2], d[4]));
    t[1] = even_1 + odd_1;
    t[2] = even_1 - odd_1;
    t[3] = even_2 + odd_2;
    t[4] = even_2 - odd_2;
    t[5] = fma_vec(splat(1.265625f), d[1], fma_vec(splat(-2.8125f), d[3], d[5]));
}

static inline __attribute__((always_inline)) void NAME(input_8)(const vec *d, vec *t) {
    const vec even_1 = fma_vec(splat(-4.25f), d[4], d[2] + d[6]), odd_1 = fma_vec(splat(-4.25f), d[3], d[1] + d[5]);
    const vec even_2 = fma_vec(splat(4), d[2], fma_vec(splat(-5), d[4], d[6]));
    const vec odd_2 = fma_vec(splat(2), d[1], fma_vec(splat(-2.5f), d[3], 0.5f * d[5]));
    const vec even_3 = fma_vec(splat(0.25f), d[2], fma_vec(splat(-1.25f), d[4], d[6]));
    const vec odd_3 = fma_vec(splat(0.5f), d[1], fma_vec(splat(-2.5f), d[3], 2 * d[5]));
    t[0] = fma_vec(splat(5.25f), d[2] - d[4], d[6] - d[0]);
    t[1] = even_1 + odd_1;
    t[2] = even_1 - odd_1;
    t[3] = even_2 + odd_2;
    t[4] = even_2 - odd_2;
    t[5] = even_3 + odd_3;
    t[6] = even_3 - odd_3;
    t[7] = fma_vec(splat(5.25f), d[3] - d[5], d[7] - d[1]);
}

#define EACH(I, COUNT) _Pragma("clang loop unroll(full)") for (int I = 0; I < (COUNT); I++)

// Pairs ±x of the finite points but 0, and powers of x.
static const float NAME(pairs_4)[] = {1}, NAME(pairs_6)[] = {0.75f, 1.5f}, NAME(pairs_8)[] = {1, 0.5f, 2};

// Outputs of products at the points, `y[i] = Σ x^i · t`, the first `outputs` of them; the last one has the point at infinity too. And
// the transpose of that: values at the points of a polynomial of `outputs` coefficients.
#define TRANSFORMS(POINTS)                                                                                             \
    static inline __attribute__((always_inline)) void NAME(output_##POINTS)(const vec *t, vec *y, ptrdiff_t step,      \
                                                                            int outputs) {                             \
        vec even[POINTS / 2 - 1], odd[POINTS / 2 - 1];                                                                 \
        EACH(q, POINTS / 2 - 1) even[q] = t[2 * q + 1] + t[2 * q + 2], odd[q] = t[2 * q + 1] - t[2 * q + 2];           \
        EACH(i, POINTS - 1) {                                                                                          \
            if (i < outputs) {                                                                                         \
                vec sum = i == 0 ? t[0] : splat(0);                                                                    \
                EACH(q, POINTS / 2 - 1) {                                                                              \
                    float power = 1;                                                                                   \
                    EACH(k, i) power *= NAME(pairs_##POINTS)[q];                                                       \
                    sum = fma_vec(splat(power), i % 2 ? odd[q] : even[q], sum);                                        \
                }                                                                                                      \
                y[i * step] = i == outputs - 1 ? sum + t[POINTS - 1] : sum;                                            \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static inline __attribute__((always_inline)) void NAME(spread_##POINTS)(const vec *d, vec *t, int outputs) {       \
        vec even[POINTS / 2 - 1], odd[POINTS / 2 - 1];                                                                 \
        EACH(q, POINTS / 2 - 1) even[q] = d[0], odd[q] = splat(0);                                                     \
        t[POINTS - 1] = d[0];                                                                                          \
        EACH(i, POINTS - 1) {                                                                                          \
            if (i > 0 && i < outputs) {                                                                                \
                EACH(q, POINTS / 2 - 1) {                                                                              \
                    float power = 1;                                                                                   \
                    EACH(k, i) power *= NAME(pairs_##POINTS)[q];                                                       \
                    if (i % 2)                                                                                         \
                        odd[q] = fma_vec(splat(power), d[i], odd[q]);                                                  \
                    else                                                                                               \
                        even[q] = fma_vec(splat(power), d[i], even[q]);                                                \
                }                                                                                                      \
                t[POINTS - 1] = d[i];                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        t[0] = d[0];                                                                                                   \
        EACH(q, POINTS / 2 - 1) t[2 * q + 1] = even[q] + odd[q], t[2 * q + 2] = even[q] - odd[q];                      \
    }

TRANSFORMS(4) TRANSFORMS(6) TRANSFORMS(8)

// COUNT pixels of a row of an image, zero from pixel THERE on.
#define PIXELS(D, COUNT, FROM, THERE)                                                                                  \
    if ((THERE) >= (COUNT))                                                                                            \
        EACH(j, COUNT) D[j] = *(const vec *)((FROM) + j * p->pixel_stride);                                            \
    else                                                                                                               \
        EACH(j, COUNT) D[j] = j < (THERE) ? *(const vec *)((FROM) + j * p->pixel_stride) : splat(0);

// Each vector of each tile: where its values at the points stand, its first pixel, and the columns of the image from there on.
#define EACH_VECTOR                                                                                                    \
    for (ptrdiff_t tile = 0; tile < p->tiles; tile++)                                                                  \
        for (ptrdiff_t c = 0; c < p->channels; c += LANES)

#define PLACES                                                                                                         \
    const ptrdiff_t next = tile * p->column_outputs, column = next < p->last_column ? next : p->last_column;           \
    const ptrdiff_t left = p->columns - column;                                                                        \
    float *const at = p->points + tile * p->channels + c;                                                              \
    float *const image = p->image + column * p->pixel_stride + c;

#define POINT(I, J, COLUMNS) *(vec *)(at + ((I) * (COLUMNS) + (J)) * p->point_stride)

#define FILTERING(ROWS, COLUMNS)                                                                                       \
    static void NAME(tiles_input_##ROWS##_##COLUMNS)(const struct flow_tiles *p) {                                     \
        EACH_VECTOR {                                                                                                  \
            PLACES vec t[ROWS][COLUMNS];                                                                               \
            for (int i = 0; i < ROWS; i++) {                                                                           \
                vec d[COLUMNS];                                                                                        \
                const ptrdiff_t there = i < p->rows ? left : 0;                                                        \
                PIXELS(d, COLUMNS, image + i * p->row_stride, there)                                                   \
                NAME(input_##COLUMNS)(d, t[i]);                                                                        \
            }                                                                                                          \
            EACH(j, COLUMNS) {                                                                                         \
                vec d[ROWS], v[ROWS];                                                                                  \
                EACH(i, ROWS) d[i] = t[i][j];                                                                          \
                NAME(input_##ROWS)(d, v);                                                                              \
                EACH(i, ROWS) POINT(i, j, COLUMNS) = v[i];                                                             \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void NAME(tiles_spread_##ROWS##_##COLUMNS)(const struct flow_tiles *p) {                                    \
        EACH_VECTOR {                                                                                                  \
            PLACES vec t[ROWS - 1][COLUMNS];                                                                           \
            for (int i = 0; i < ROWS - 1; i++) {                                                                       \
                vec d[COLUMNS - 1];                                                                                    \
                const ptrdiff_t there = i < p->rows && i < p->row_outputs ? left : 0;                                  \
                PIXELS(d, COLUMNS - 1, image + i * p->row_stride, there)                                               \
                NAME(spread_##COLUMNS)(d, t[i], p->column_outputs);                                                    \
            }                                                                                                          \
            EACH(j, COLUMNS) {                                                                                         \
                vec d[ROWS - 1], v[ROWS];                                                                              \
                EACH(i, ROWS - 1) d[i] = t[i][j];                                                                      \
                NAME(spread_##ROWS)(d, v, p->row_outputs);                                                             \
                EACH(i, ROWS) POINT(i, j, COLUMNS) = v[i];                                                             \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void NAME(tiles_output_##ROWS##_##COLUMNS)(const struct flow_tiles *p) {                                    \
        EACH_VECTOR {                                                                                                  \
            PLACES vec t[ROWS - 1][COLUMNS];                                                                           \
            EACH(j, COLUMNS) {                                                                                         \
                vec d[ROWS];                                                                                           \
                EACH(i, ROWS) d[i] = POINT(i, j, COLUMNS);                                                             \
                NAME(output_##ROWS)(d, &t[0][j], COLUMNS, p->row_outputs);                                             \
            }                                                                                                          \
            const vec bias = p->bias ? *(const vec *)(p->bias + c) : splat(0);                                         \
            for (int i = 0; i < p->row_outputs && i < p->rows; i++) {                                                  \
                vec y[COLUMNS - 1];                                                                                    \
                NAME(output_##COLUMNS)(t[i], y, 1, p->column_outputs);                                                 \
                for (int j = 0; j < p->column_outputs && j < left; j++)                                                \
                    *(vec *)(image + i * p->row_stride + j * p->pixel_stride) = y[j] + bias;                           \
            }                                                                                                          \
        }                                                                                                              \
    }

FILTERING(4, 4) FILTERING(4, 6) FILTERING(4, 8)
FILTERING(6, 4) FILTERING(6, 6) FILTERING(6, 8)
FILTERING(8, 4) FILTERING(8, 6) FILTERING(8, 8)

#define FILTERING_TABLE(DIRECTION)                                                                                     \
    {{NAME(tiles_##DIRECTION##_4_4), NAME(tiles_##DIRECTION##_4_6), NAME(tiles_##DIRECTION##_4_8)},                    \
     {NAME(tiles_##DIRECTION##_6_4), NAME(tiles_##DIRECTION##_6_6), NAME(tiles_##DIRECTION##_6_8)},                    \
     {NAME(tiles_##DIRECTION##_8_4), NAME(tiles_##DIRECTION##_8_6), NAME(tiles_##DIRECTION##_8_8)}}

// Applies a transform to some tiles: by direction, rows of points, and columns of points.
static void NAME(tiles)(enum flow_tiles_direction direction, const struct flow_tiles *p) {
    typedef void (*transform)(const struct flow_tiles *);
    static const transform table[3][3][3] = {FILTERING_TABLE(input), FILTERING_TABLE(output), FILTERING_TABLE(spread)};
    table[direction][p->row_points / 2 - 2][p->column_points / 2 - 2](p);
}

// The weights are read once for every few tiles, and they are more than the second-level cache holds: while one panel is multiplied,
// the next one is asked for, a part with each register tile. Measured on Zen 3, 48 points of 49 tiles, 64 to 64 channels: 66 GFLOP/s
// without, 84 with; 92 is what long products reach.
static void NAME(filter_product)(const struct flow_filter_product *f) {
    struct flow_product p = {.b_step = 1, .b_stride = f->inputs, .c_stride = f->outputs, .depth = f->inputs};
    const ptrdiff_t groups = (f->tiles + TILE_COUNT - 1) / TILE_COUNT;
    const float *weights = f->weights, *input = f->input;
    float *output = f->output;
    for (ptrdiff_t q = 0; q < f->points; q++, input += f->input_stride, output += f->output_stride)
        for (ptrdiff_t first = 0; first < f->outputs; first += 32) {
            const ptrdiff_t lanes = f->outputs - first < 32 ? f->outputs - first : 32;
            const ptrdiff_t width = lanes >= 2 * LANES ? 2 : 1, calls = groups * (lanes / (width * LANES));
            const ptrdiff_t lines = (lanes * f->inputs / 16 + calls - 1) / calls;
            const float *next = weights + lanes * f->inputs;
            p.a_stride = lanes;
            for (ptrdiff_t l = 0; l < lanes; l += width * LANES)
                for (ptrdiff_t i = 0, j = 0; i < groups; i++) {
                    const ptrdiff_t end = (i + 1) * f->tiles / groups;
                    for (ptrdiff_t line = 0; line < lines; line++, next += 16) __builtin_prefetch(next, 0, 3);
                    (width == 2 ? NAME(tiles_2) : NAME(tiles_1))[end - j](
                        &p, weights + l, input + j * f->inputs, output + j * f->outputs + first + l, NULL);
                    j = end;
                }
            weights += lanes * f->inputs;
        }
}
