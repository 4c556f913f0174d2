// Maps of one number by parameters that a network gives, with their log-derivatives. Each has a file of its own, and loops
// of its own here, made from the list. Parameter j stands `stride` floats behind parameter j - 1, for as many lanes as a
// vector has.
//
//     vec <name>(inverse, transform, raw, stride, x, log_derivative)
//     vec <name>_backward(transform, raw, stride, x, dz, dlog, draw)
//
// The first gives the transform of x, or its inverse, and the log-derivative of what was done; the second the gradient of
// `dz · z + dlog · log dz/dx` by x, and by the parameters, which goes to `draw`.

// Shares of `count` parts in the whole, by softmax: positive, of sum 1.
static inline __attribute__((always_inline)) void NAME(softmax_shares)(const float *raw, ptrdiff_t stride, int count,
                                                                       vec *shares) {
    vec most = load(raw, LANES);
    for (int j = 1; j < count; j++) {
        const vec v = load(raw + j * stride, LANES);
        most = choose(v > most, v, most);
    }
    vec sum = splat(0);
    for (int j = 0; j < count; j++) {
        shares[j] = NAME(exp)(load(raw + j * stride, LANES) - most);
        sum += shares[j];
    }
    const vec scale = 1 / sum;
    for (int j = 0; j < count; j++) shares[j] *= scale;
}

#include "affine.inc.h"

#include "spline.inc.h"

#include "shift.inc.h"

#include "mixture.inc.h"

#include "scaled.inc.h"

static inline __attribute__((always_inline)) vec NAME(transformed)(enum flow_transform_kind kind, int inverse,
                                                                   const struct flow_transform *transform,
                                                                   const float *raw, ptrdiff_t stride, vec x,
                                                                   vec *log_derivative) {
    switch (kind) {
#define TRANSFORM(name, count)                                                                                         \
    case flow_transform_##name: return NAME(name)(inverse, transform, raw, stride, x, log_derivative);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
    __builtin_unreachable();
}

static inline __attribute__((always_inline)) vec NAME(transformed_backward)(enum flow_transform_kind kind,
                                                                            const struct flow_transform *transform,
                                                                            const float *raw, ptrdiff_t stride, vec x,
                                                                            vec dz, vec dlog, float *draw) {
    switch (kind) {
#define TRANSFORM(name, count)                                                                                         \
    case flow_transform_##name: return NAME(name##_backward)(transform, raw, stride, x, dz, dlog, draw);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
    __builtin_unreachable();
}

static inline __attribute__((always_inline)) void NAME(panel_as)(enum flow_transform_kind kind, int inverse,
                                                                 const struct flow_panel *p) {
    for (ptrdiff_t r = 0; r < p->rows; r++) {
        const float *raw = p->parameters + r * p->parameter_stride;
        float *row = p->x + r * p->stride;
        vec sum = splat(0);
        for (ptrdiff_t i = 0; i < p->dims; i += LANES) {
            const ptrdiff_t count = p->dims - i < LANES ? p->dims - i : LANES;
            vec log_derivative;
            if (p->step == 1) {
                const vec x = NAME(transformed)(kind, inverse, &p->transform, raw + i, 16, load(row + i, count),
                                                &log_derivative);
                store(x, row + i, count);
                if (p->log_derivatives) {
                    float *own = p->log_derivatives + r * p->stride + i;
                    store(load(own, count) + log_derivative, own, count);
                }
            } else if (count == LANES) {
                // both dimensions of each pair, of which one moves
                float *pairs = row + 2 * i - p->odd;
                const vec a = *(const vec *)pairs, b = *(const vec *)(pairs + LANES);
                vec even = EVEN(a, b), odd = ODD(a, b);
                const vec x = NAME(transformed)(kind, inverse, &p->transform, raw + i, 16, p->odd ? odd : even,
                                                &log_derivative);
                if (p->odd)
                    odd = x;
                else
                    even = x;
                *(vec *)pairs = LOW(even, odd);
                *(vec *)(pairs + LANES) = HIGH(even, odd);
            } else {
                vec x = splat(0);
                for (ptrdiff_t l = 0; l < count; l++) x[l] = row[2 * (i + l)];
                x = NAME(transformed)(kind, inverse, &p->transform, raw + i, 16, x, &log_derivative);
                for (ptrdiff_t l = 0; l < count; l++) row[2 * (i + l)] = x[l];
            }
            sum += NAME(first)(log_derivative, count, 0);
        }
        p->log_det[r] += total(sum);
    }
}

static void NAME(panel)(const struct flow_panel *p) {
    switch (p->transform.kind) {
#define TRANSFORM(name, count)                                                                                         \
    case flow_transform_##name:                                                                                        \
        return p->inverse ? NAME(panel_as)(flow_transform_##name, 1, p) : NAME(panel_as)(flow_transform_##name, 0, p);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
}

// On unit-major arrays whose rows are a multiple of 16.
static inline __attribute__((always_inline)) void NAME(columns_as)(enum flow_transform_kind kind, int inverse,
                                                                   const struct flow_columns *p, float *z,
                                                                   float *log_det) {
    // as values: a store through a pointer might change what `p` points to
    const struct flow_transform transform = p->transform;
    const ptrdiff_t dims = p->dims, rows = p->rows;
    for (ptrdiff_t i = 0; i < dims; i++)
        for (ptrdiff_t r = 0; r < rows; r += LANES) {
            vec log_derivative;
            const float *raw = p->parameters + i * transform.count * rows + r;
            const vec x = load(p->x + i * rows + r, LANES);
            store(NAME(transformed)(kind, inverse, &transform, raw, rows, x, &log_derivative), z + i * rows + r, LANES);
            store(load(log_det + r, LANES) + log_derivative, log_det + r, LANES);
        }
}

static void NAME(columns)(const struct flow_columns *p, float *z, float *log_det) {
    switch (p->transform.kind) {
#define TRANSFORM(name, count)                                                                                         \
    case flow_transform_##name:                                                                                        \
        return p->inverse ? NAME(columns_as)(flow_transform_##name, 1, p, z, log_det)                                  \
                          : NAME(columns_as)(flow_transform_##name, 0, p, z, log_det);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
}

static inline __attribute__((always_inline)) void NAME(columns_backward_as)(enum flow_transform_kind kind,
                                                                            const struct flow_columns *p,
                                                                            const float *dz, const float *dlog_det,
                                                                            float *dx, float *dparameters) {
    const struct flow_transform transform = p->transform;
    const ptrdiff_t dims = p->dims, rows = p->rows;
    for (ptrdiff_t i = 0; i < dims; i++)
        for (ptrdiff_t r = 0; r < rows; r += LANES) {
            const ptrdiff_t at = i * rows + r, first = i * transform.count * rows + r;
            const vec x = load(p->x + at, LANES), d = load(dz + at, LANES), dlog = load(dlog_det + r, LANES);
            const vec by_x = NAME(transformed_backward)(kind, &transform, p->parameters + first, rows, x, d, dlog,
                                                        dparameters + first);
            store(by_x, dx + at, LANES);
        }
}

static void NAME(columns_backward)(const struct flow_columns *p, const float *dz, const float *dlog_det, float *dx,
                                   float *dparameters) {
    switch (p->transform.kind) {
#define TRANSFORM(name, count)                                                                                         \
    case flow_transform_##name:                                                                                        \
        return NAME(columns_backward_as)(flow_transform_##name, p, dz, dlog_det, dx, dparameters);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
}
