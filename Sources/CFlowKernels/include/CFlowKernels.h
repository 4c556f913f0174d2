#ifndef CFLOWKERNELS_H
#define CFLOWKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Inner loops that need run-time CPU dispatch. Every function stands in a table, once for each instruction set. Each function
/// has a plain Swift twin in FlowKernels/Reference and a test against it. Callers have proved every index.

/// Instruction sets, each a superset of the one before.
enum flow_instruction_set {
    /// Instructions of every CPU of the architecture: SSE2 on x86-64, NEON on arm64.
    FLOW_BASELINE = 0,
    /// AVX2, FMA and F16C.
    FLOW_AVX2 = 1,
    /// AVX-512 F, BW, DQ, VL.
    FLOW_AVX512 = 2,
    /// AVX-512 F, BW, DQ, VL and BF16, which has a dot product of bfloat16 pairs.
    FLOW_AVX512BF16 = 3,
};

/// A matrix product, `C[j · c_stride + l] = start + Σ_t A[t · a_stride + l] · B[t · b_step + j · b_stride]`
/// for `l` in `0..<lanes`, `j` in `0..<count`, `t` in `0..<depth`.
///
/// `start` is C itself with `accumulate`, else 0, plus `bias[l]` unless `bias` is NULL. Every element is one chain of multiply-adds
/// over rising `t`: its bits depend neither on `lanes` nor on `count`, nor on where in them it stands.
struct flow_product {
    const float *a;
    /// A in half precision, finite, in place of `a`; NULL for none. Then `lanes` and `a_stride` are 32.
    const unsigned short *half_a;
    ptrdiff_t a_stride;
    const float *b;
    ptrdiff_t b_step;
    ptrdiff_t b_stride;
    /// Prefetch distance in B, in elements; 0 for no prefetch.
    ptrdiff_t b_ahead;
    float *c;
    ptrdiff_t c_stride;
    ptrdiff_t lanes;
    ptrdiff_t count;
    ptrdiff_t depth;
    const float *bias;
    int accumulate;
};

/// Tiles of an image side by side, and their values at the points of a minimal filter: channel `c` of tile `t` at point `(i, j)` at
/// `points[(i · column_points + j) · point_stride + t · channels + c]`.
struct flow_tiles {
    /// Number of points along the rows' and the columns' axis, 4, 6 or 8 each, and of a tile's outputs, fewer than points.
    int row_points;
    int column_points;
    int row_outputs;
    int column_outputs;
    /// First channel of the first tile's first pixel; floats from one pixel of a row to the next and from one row to the next.
    float *image;
    ptrdiff_t pixel_stride;
    ptrdiff_t row_stride;
    /// Rows and columns of the image from that pixel on. What is beyond them is read as zero, and is not written.
    ptrdiff_t rows;
    ptrdiff_t columns;
    /// Largest column at which a tile begins, from the first tile on. Tiles are `column_outputs` apart, but one that would begin
    /// beyond it begins there: a last tile need not lie across the image's edge.
    ptrdiff_t last_column;
    float *points;
    ptrdiff_t point_stride;
    /// Number of channels, a multiple of 16.
    ptrdiff_t channels;
    ptrdiff_t tiles;
    /// Biases that are added to the outputs, `[channels]`; NULL for none.
    const float *bias;
};

/// What is made of tiles.
enum flow_tiles_direction {
    /// Inputs of the image to their values at the points.
    FLOW_TILES_INPUT = 0,
    /// Products at the points to outputs of the image.
    FLOW_TILES_OUTPUT = 1,
    /// Gradients by outputs of the image to those by products at the points: the transpose of FLOW_TILES_OUTPUT.
    FLOW_TILES_SPREAD = 2,
};

/// The products of a minimal filter, `output[q, t, o] = Σ_i weights[q, i, o] · input[q, t, i]` for points `q`, tiles `t`, outputs `o`
/// and inputs `i`, with any strides from one point to the next. Weights stand in panels of 32 outputs, `[points][panels][inputs][32]`, the last panel of 16 or 32; `outputs` is a
/// multiple of 16. Every element is one chain of multiply-adds over rising `i`.
struct flow_filter_product {
    const float *weights;
    const float *input;
    ptrdiff_t input_stride;
    float *output;
    ptrdiff_t output_stride;
    ptrdiff_t points;
    ptrdiff_t tiles;
    ptrdiff_t inputs;
    ptrdiff_t outputs;
};

/// A matrix product of bfloat16 numbers, the upper halves of floats,
/// `C[j · c_stride + l] = start + Σ_t A[t, l] · B[j · b_stride + t/2 · b_step + t mod 2]` for `l` in `0..<32` and `j` in
/// `0..<count`. A has steps in pairs, `[pairs][32][2]`. `start` is C itself with `accumulate`, else 0, plus `bias[l]`. Every
/// element is one chain of sums over rising pairs of steps. Instruction sets differ within a pair, in the last bits and below the
/// smallest normal number.
struct flow_product_bf16 {
    const unsigned short *a;
    const unsigned short *b;
    ptrdiff_t b_step;
    ptrdiff_t b_stride;
    float *c;
    ptrdiff_t c_stride;
    ptrdiff_t count;
    ptrdiff_t pairs;
    const float *bias;
    int accumulate;
};

/// Activations between the linear maps of a network.
enum flow_activation { FLOW_RELU = 0, FLOW_TANH = 1, FLOW_ELU = 2, FLOW_GELU = 3, FLOW_IDENTITY = 4 };

/// One-to-one maps of one number with parameters from a conditioner. A map takes a line here and a file `<name>.inc.h` with the
/// kernels `<name>` and `<name>_backward`, included in transform.inc.h: kinds and switches follow from the list. The second word is
/// its number of parameters where that is fixed, else 0.
#define FLOW_TRANSFORMS(TRANSFORM) \
    TRANSFORM(affine, 2) \
    TRANSFORM(spline, 0) \
    TRANSFORM(shift, 1) \
    TRANSFORM(mixture, 0) \
    TRANSFORM(softplus_affine, 2) \
    TRANSFORM(logistic_affine, 2)

/// Kinds of transform, in the order of `FLOW_TRANSFORMS`.
enum flow_transform_kind {
#define FLOW_TRANSFORM_KIND(name, count) flow_transform_##name,
    FLOW_TRANSFORMS(FLOW_TRANSFORM_KIND)
#undef FLOW_TRANSFORM_KIND
};

/// Largest number of a transform's parts, such as bins of a spline, and of its parameters: kernels keep those of a vector's lanes on
/// the stack.
#define FLOW_MOST_PARTS 64
#define FLOW_MOST_PARAMETERS (4 * FLOW_MOST_PARTS)

/// A transform: its kind with its sizes.
struct flow_transform {
    enum flow_transform_kind kind;
    /// Number of parameters of a dimension.
    int count;
    /// Sizes of the transform; the file of the kind says what they mean.
    float sizes[4];
};

/// A transform in place of up to 16 dimensions of some rows. Row `r` has parameter `j` of dimension `i` at
/// `parameters + r · parameter_stride + 16 j + i`, finite in lanes without a dimension, and dimension `i` at
/// `x + r · stride + i · step`.
struct flow_panel {
    struct flow_transform transform;
    int inverse;
    const float *parameters;
    ptrdiff_t parameter_stride;
    ptrdiff_t rows;
    ptrdiff_t dims;
    float *x;
    ptrdiff_t stride;
    /// Elements from one dimension to the next, 1 or 2; with 2, `odd` says whether `x` is the second of its pair in memory.
    ptrdiff_t step;
    ptrdiff_t odd;
    /// Log-determinant of each row, nats, to which the log-derivatives of all dimensions are added.
    float *log_det;
    /// Log-derivative of each dimension, nats, laid out as `x`, to which those of this map are added; NULL where nobody asks, and
    /// with a step of 2.
    float *log_derivatives;
};

/// One linear map of a network in a sequential solve. Arrays are `[units][lanes]`, rows side by side.
struct flow_solve_map {
    /// Weights in panels of 32 units, `[inputs][32]` each, in single or in half precision, the other NULL; and their biases,
    /// `[panels][32]`.
    const float *weights;
    const unsigned short *half_weights;
    const float *biases;
    /// Inputs of the map as far as they are known, `[inputs][lanes]`.
    float *known;
    enum flow_activation activation;
    /// Place of the units' sums before the activation, and of the skip that is added to them first, which may be the same; each
    /// NULL for none.
    float *sum;
    const float *skip;
    /// Panels in bfloat16, `[pairs of inputs][32][2]`, and the known inputs, `[pairs][lanes][2]`, the second of a pair 0 until it
    /// is known; NULL in single precision.
    const unsigned short *bf16_weights;
    unsigned *bf16_known;
    /// Room for panels under way that are not in single precision, widened to single precision: FLOW_OPEN widens what it leaves to do.
    float *room;
    /// Partial sums of the panels under way, `[places][32][lanes]`; index of the first panel's weights, and elements from one
    /// panel's weights to the next one's, both set by FLOW_OPEN. These panels all read the same number of inputs.
    float *partial;
    ptrdiff_t panel;
    ptrdiff_t panel_step;
};

/// Kinds of step of a sequential solve. "Brings in" means: adds the products with `depth` known inputs from input `first` on. A
/// hidden map has one panel under way. The output map has one for every two parameters, one behind the other.
enum flow_solve_kind {
    /// Panel `lane`, whose weights begin at `offset` and are those of `count` inputs, is under way at `place`: biases, and
    /// brings in `depth` inputs.
    FLOW_OPEN = 0,
    /// Brings inputs in to `count` units from `lane` of the panel at `place` on.
    FLOW_ADD = 1,
    /// Brings inputs in to `count` units from `lane` on and finishes them: they are inputs `offset` and following of the next map.
    FLOW_UNITS = 2,
    /// Brings inputs in to the parameters in `lane` and each 16 lanes further, `count` of them, and solves for position
    /// `offset`.
    FLOW_DIMENSION = 3,
    /// Takes in the inputs that are known before the first step, the context.
    FLOW_GIVEN = 4,
};

/// One step of a sequential solve; its kind says what the other fields mean.
struct flow_solve_step {
    int kind;
    int map;
    int place;
    int lane;
    int count;
    int first;
    int depth;
    ptrdiff_t offset;
    /// Weights of the map to prefetch with FLOW_UNITS and FLOW_DIMENSION, those of panels to come.
    ptrdiff_t ahead;
    ptrdiff_t ahead_count;
};

/// A sequential solve of some rows side by side.
struct flow_solve {
    struct flow_solve_map *maps;
    /// Latents, which become data, `[positions][lanes]`; with `given` data, which become latents.
    float *z;
    /// Whether the positions of these steps are data that is known already: they are mapped forward, not solved for.
    int given;
    /// Inputs of the first map before the first position: the width of the context.
    ptrdiff_t context;
    /// Log-determinant of each row, `[lanes]`, nats, to which log-derivatives are added.
    float *log_det;
    /// Products of one panel with all that is known, `[rows][32]`.
    float *scratch;
    struct flow_transform transform;
    ptrdiff_t rows;
    /// Rows rounded up to a multiple of 16.
    ptrdiff_t lanes;
};

/// A transform of unit-major arrays, a dimension's `rows` side by side, `rows` a multiple of 16.
struct flow_columns {
    struct flow_transform transform;
    /// Whether the inverse is computed. Gradients do not read it: they are the transform's.
    int inverse;
    /// Values to transform, `[dims, rows]`.
    const float *x;
    /// Parameters of the transform, `[dims, transform.count, rows]`.
    const float *parameters;
    ptrdiff_t dims;
    ptrdiff_t rows;
};

/// Coefficients of one Adam step, the same for every weight:
///
///     g ← gradient_scale · g;   m ← m + first_rate · (g − m);   v ← v + second_rate · (g² − v)
///     w ← keep · w − step · m/(√v · second_scale + epsilon);   a ← average_decay · a + (1 − average_decay) · w
struct flow_adam {
    float first_rate;
    float second_rate;
    float step;
    float second_scale;
    float epsilon;
    float gradient_scale;
    float keep;
    float average_decay;
};

/// Element-wise functions beside the activations; FLOW_NORMAL is the standard normal distribution function.
enum flow_function { FLOW_EXP = 0, FLOW_LOG = 1, FLOW_SIGMOID = 2, FLOW_SOFTPLUS = 3, FLOW_NORMAL = 4 };

/// The logit map of an image with `levels` levels: `s = alpha + x · step`, `1 − s = alpha + (levels − x) · step`.
struct flow_logit {
    double alpha;
    double step;
    double levels;
};

/// Table of the kernels of one instruction set.
struct flow_kernels {
    void (*product)(const struct flow_product *p);
    /// Rounds numbers to half precision, `count` a multiple of 32; returns whether all are finite and none has changed.
    int (*narrow_f16)(const float *x, unsigned short *y, ptrdiff_t count);
    /// Applies a transform of minimal filtering to some tiles.
    void (*tiles)(enum flow_tiles_direction direction, const struct flow_tiles *p);
    /// Multiplies at the points of a minimal filter.
    void (*filter_product)(const struct flow_filter_product *p);
    void (*product_bf16)(const struct flow_product_bf16 *p);
    /// Rounds `columns` floats `x_step` apart in each of `rows` rows to the nearest bfloat16; with `zero` a 0 follows them.
    void (*round_bf16)(const float *x, ptrdiff_t x_stride, ptrdiff_t x_step, unsigned short *y, ptrdiff_t y_stride,
                       ptrdiff_t rows, ptrdiff_t columns, int zero);
    /// Widens `[pairs][32][2]` bfloat16 numbers to `[steps][32]` floats.
    void (*widen_bf16)(const unsigned short *a, float *y, ptrdiff_t steps);
    /// `y = f(x)` over `rows` runs of `columns`; `y` may be `x`.
    void (*activate)(enum flow_activation f, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                     ptrdiff_t rows, ptrdiff_t columns);
    /// Applies a transform or its inverse to some dimensions of row-major rows.
    void (*panel)(const struct flow_panel *p);
    /// Runs `count` steps of a sequential solve. A dimension is the transform's inverse of its latent; the log-derivative
    /// of the inverse is added to each row's log-determinant.
    void (*solve)(const struct flow_solve *p, const struct flow_solve_step *steps, ptrdiff_t count);
    /// `y[c · y_stride + r] = x[r · x_stride + c]`.
    void (*transpose)(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                      ptrdiff_t columns);
    /// Draws the first `count` standard normals of a Philox4x32-10 stream, two a block.
    void (*normals)(unsigned long long seed, unsigned long long stream, float *y, ptrdiff_t count);
    /// `dx = dx · f'(x)`.
    void (*activation_backward)(enum flow_activation f, const float *x, float *dx, ptrdiff_t count);
    /// Sets `z` to the transform of `x`, or to its inverse; adds the log-derivatives to each row's log-determinant.
    void (*columns)(const struct flow_columns *p, float *z, float *log_det);
    /// Sets `dx` and `dparameters` to the gradients of `dz · z + dlog_det · log-derivative`.
    void (*columns_backward)(const struct flow_columns *p, const float *dz, const float *dlog_det, float *dx,
                             float *dparameters);
    /// `sums[16 r + l] += Σ x[r · x_stride + c]` over the `c` in `0..<columns`, a multiple of 16, that leave `l` by 16.
    void (*lane_sums)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t columns, float *sums);
    /// Takes one Adam step on `count` weights `w` with gradient `g`, moments `m` and `v`, and average `a`.
    void (*adam)(const struct flow_adam *c, const float *g, float *m, float *v, float *w, float *a, ptrdiff_t count);
    /// `Σ x[i]²` in double precision.
    double (*sum_of_squares)(const float *x, ptrdiff_t count);
    /// Draws the first `count` uniforms on (0, 1) of a Philox4x32-10 stream, four a block.
    void (*uniforms)(unsigned long long seed, unsigned long long stream, float *y, ptrdiff_t count);
    /// `y = f(x)`; `y` may be `x`.
    void (*apply)(enum flow_function f, const float *x, float *y, ptrdiff_t count);
    /// `y[r] = ln Σ_j exp x[r, j]` of row-major `[rows, columns]`.
    void (*log_sum_exp)(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *y);
    /// `x[r, j] = exp x[r, j] / Σ_i exp x[r, i]`, in place.
    void (*softmax)(float *x, ptrdiff_t rows, ptrdiff_t columns);
    /// `w = ln s − ln (1 − s)` of `x = level + noise`; returns `Σ ln s + ln (1 − s)`, of normal positive numbers.
    double (*logit)(const struct flow_logit *p, const unsigned char *levels, const float *noise, float *w,
                    ptrdiff_t count);
    /// Inverts the logit map: `x` of `w`, rounded down to levels; sets `Σ ln s + ln (1 − s)` at `w`. Returns 0 when `w` holds NaN
    /// or ±∞.
    int (*levels)(const struct flow_logit *p, const float *w, unsigned char *levels, ptrdiff_t count, double *log_sum);
    /// `y = y + factor · x`.
    void (*add)(float factor, const float *x, float *y, ptrdiff_t count);
    /// `g = sigmoid(g)`, then `y = y + v · g`.
    void (*gate)(const float *v, float *g, float *y, ptrdiff_t count);
    /// Pulls the gradient `d` of `y + v · s`, `s = sigmoid(g)`, back: that by `v` replaces `v`, that by `g` replaces `s`.
    void (*gate_backward)(const float *d, float *v, float *s, ptrdiff_t count);
};

/// Returns the kernels of one instruction set, or NULL where this CPU or this architecture lacks it.
const struct flow_kernels *flow_kernels_of(enum flow_instruction_set set);

/// Makes the C library keep up to 1 GiB of freed memory for the next allocations of the process, whichever thread makes them;
/// returns 0 if it refuses. To be called before there are further threads.
int flow_keep_freed_memory(void);

/// Makes all threads allocate from one arena of the C library, since each further one reserves 64 MiB of address space;
/// returns 0 if it refuses. To be called before there are further threads.
int flow_share_arena(void);

/// Makes the C library give what is freed in pieces of 1 MiB and more, and more than that at the end of an arena, back to the
/// system at once; returns 0 if it refuses.
int flow_return_large_memory(void);

/// Gives the pages of freed memory back to the system, of all arenas; returns whether there were some.
int flow_release_freed_memory(void);

/// Addresses from `start` on, `end` excluded, of whole pages.
struct flow_page_range {
    uintptr_t start, end;
};

/// Writes address ranges of the program and of its libraries, as many as there is room for, that were mapped from their files and
/// that nothing has changed since: code, and constants without relocations. Returns how many there are; 0 where the C library does
/// not tell.
int flow_unchanged_pages(struct flow_page_range *ranges, int capacity);

#endif
