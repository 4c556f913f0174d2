// Maps of one number by parameters that a network gives, with their log-derivatives. Parameter j stands `stride` floats
// behind parameter j - 1, for as many lanes as a vector has.

// s = a / (1 + |a|/c)
static inline __attribute__((always_inline)) vec NAME(log_scale)(vec a, vec inverse_bound) {
    return a / fma_vec(magnitude(a), inverse_bound, splat(1));
}

static inline __attribute__((always_inline)) vec NAME(affine)(int inverse, vec x, vec t, vec s) {
    return inverse ? (x - t) * NAME(exp)(-s) : fma_vec(x, NAME(exp)(s), t);
}

static inline __attribute__((always_inline)) vec NAME(transformed)(enum flow_transform_kind kind, int inverse,
                                                                   const struct flow_transform *transform,
                                                                   const float *raw, ptrdiff_t stride, vec x,
                                                                   vec *log_derivative) {
    if (kind == FLOW_SPLINE) return NAME(spline)(inverse, transform, raw, stride, x, log_derivative);
    if (kind == FLOW_SHIFT) {
        *log_derivative = splat(0);
        return inverse ? x - load(raw, LANES) : x + load(raw, LANES);
    }
    const vec s = NAME(log_scale)(load(raw + stride, LANES), splat(1 / transform->bound));
    *log_derivative = inverse ? -s : s;
    return NAME(affine)(inverse, x, load(raw, LANES), s);
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
    case FLOW_AFFINE: return p->inverse ? NAME(panel_as)(FLOW_AFFINE, 1, p) : NAME(panel_as)(FLOW_AFFINE, 0, p);
    case FLOW_SPLINE: return p->inverse ? NAME(panel_as)(FLOW_SPLINE, 1, p) : NAME(panel_as)(FLOW_SPLINE, 0, p);
    case FLOW_SHIFT: return p->inverse ? NAME(panel_as)(FLOW_SHIFT, 1, p) : NAME(panel_as)(FLOW_SHIFT, 0, p);
    }
}

// On unit-major arrays whose rows are a multiple of 16.
static inline __attribute__((always_inline)) void NAME(columns_as)(enum flow_transform_kind kind, int inverse,
                                                                   const struct flow_columns *p, float *z,
                                                                   float *log_det) {
    for (ptrdiff_t i = 0; i < p->dims; i++)
        for (ptrdiff_t r = 0; r < p->rows; r += LANES) {
            vec log_derivative;
            const float *raw = p->parameters + i * p->count * p->rows + r;
            const vec x = load(p->x + i * p->rows + r, LANES);
            store(NAME(transformed)(kind, inverse, &p->transform, raw, p->rows, x, &log_derivative), z + i * p->rows + r,
                  LANES);
            store(load(log_det + r, LANES) + log_derivative, log_det + r, LANES);
        }
}

static void NAME(columns)(const struct flow_columns *p, float *z, float *log_det) {
    switch (p->transform.kind) {
    case FLOW_AFFINE:
        return p->inverse ? NAME(columns_as)(FLOW_AFFINE, 1, p, z, log_det) : NAME(columns_as)(FLOW_AFFINE, 0, p, z, log_det);
    case FLOW_SPLINE:
        return p->inverse ? NAME(columns_as)(FLOW_SPLINE, 1, p, z, log_det) : NAME(columns_as)(FLOW_SPLINE, 0, p, z, log_det);
    case FLOW_SHIFT:
        return p->inverse ? NAME(columns_as)(FLOW_SHIFT, 1, p, z, log_det) : NAME(columns_as)(FLOW_SHIFT, 0, p, z, log_det);
    }
}

static inline __attribute__((always_inline)) vec NAME(affine_backward)(const struct flow_transform *transform,
                                                                       const float *raw, ptrdiff_t stride, vec x, vec dz,
                                                                       vec dlog, float *draw) {
    const vec a = load(raw + stride, LANES);
    const vec shrink = 1 / fma_vec(magnitude(a), splat(1 / transform->bound), splat(1));
    const vec scaled = dz * NAME(exp)(a * shrink);
    store(dz, draw, LANES);
    store(fma_vec(scaled, x, dlog) * shrink * shrink, draw + stride, LANES);
    return scaled;
}

static inline __attribute__((always_inline)) void NAME(columns_backward_as)(enum flow_transform_kind kind,
                                                                            const struct flow_columns *p,
                                                                            const float *dz, const float *dlog_det,
                                                                            float *dx, float *dparameters) {
    for (ptrdiff_t i = 0; i < p->dims; i++)
        for (ptrdiff_t r = 0; r < p->rows; r += LANES) {
            const ptrdiff_t at = i * p->rows + r, first = i * p->count * p->rows + r;
            const vec x = load(p->x + at, LANES), d = load(dz + at, LANES), dlog = load(dlog_det + r, LANES);
            const float *raw = p->parameters + first;
            float *draw = dparameters + first;
            vec by_x = d;
            switch (kind) {
            case FLOW_AFFINE: by_x = NAME(affine_backward)(&p->transform, raw, p->rows, x, d, dlog, draw); break;
            case FLOW_SPLINE: by_x = NAME(spline_backward)(&p->transform, raw, p->rows, x, d, dlog, draw); break;
            case FLOW_SHIFT: store(d, draw, LANES); break;
            }
            store(by_x, dx + at, LANES);
        }
}

static void NAME(columns_backward)(const struct flow_columns *p, const float *dz, const float *dlog_det, float *dx,
                                   float *dparameters) {
    switch (p->transform.kind) {
    case FLOW_AFFINE: return NAME(columns_backward_as)(FLOW_AFFINE, p, dz, dlog_det, dx, dparameters);
    case FLOW_SPLINE: return NAME(columns_backward_as)(FLOW_SPLINE, p, dz, dlog_det, dx, dparameters);
    case FLOW_SHIFT: return NAME(columns_backward_as)(FLOW_SHIFT, p, dz, dlog_det, dx, dparameters);
    }
}
