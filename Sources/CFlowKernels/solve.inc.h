// The sequential direction: a plan of steps, each for all rows side by side.

// What `unit` of a panel under way still lacks: `depth` known inputs from `first` on.
static inline __attribute__((always_inline)) vec NAME(solve_sum)(const struct flow_solve_map *map,
                                                                 const struct flow_solve_step *step, ptrdiff_t lanes,
                                                                 ptrdiff_t unit, ptrdiff_t l) {
    vec sum = *(const vec *)(map->partial + (step->lane + unit) * lanes + l);
    const float *known = map->known + step->first * lanes + l;
    const float *weight = map->weights + map->panel + 32 * step->first + step->lane + unit;
    for (ptrdiff_t t = 0; t < step->depth; t++) {
        sum = fma_vec(*(const vec *)known, splat(*weight), sum);
        known += lanes;
        weight += 32;
    }
    return sum;
}

// Starts a panel: biases and all that is known.
static void NAME(solve_open)(const struct flow_solve *p, struct flow_solve_map *map, const struct flow_solve_step *step) {
    map->panel = step->offset;
    const float *weights = map->weights + map->panel;
    const float *biases = map->biases + 32 * step->lane;
    if (p->rows <= FLOW_FEW_ROWS) {
        // lanes are the panel's units: no lane stands for a row that is not there
        NAME(product)(&(struct flow_product){
            .a = weights, .a_stride = 32, .b = map->known, .b_step = p->lanes, .b_stride = 1, .c = p->scratch,
            .c_stride = 32, .lanes = 32, .count = p->rows, .depth = step->depth, .bias = biases});
        NAME(transpose)(p->scratch, 32, map->partial, p->lanes, p->rows, 32);
        return;
    }
    for (ptrdiff_t u = 0; u < 32; u++)
        for (ptrdiff_t l = 0; l < p->lanes; l += LANES) *(vec *)(map->partial + u * p->lanes + l) = splat(biases[u]);
    NAME(product)(&(struct flow_product){
        .a = map->known, .a_stride = p->lanes, .b = weights, .b_step = 32, .b_stride = 1, .c = map->partial,
        .c_stride = p->lanes, .lanes = p->lanes, .count = 32, .depth = step->depth, .accumulate = 1});
}

// Adds known inputs to units of the panel that are still to come.
static void NAME(solve_add)(const struct flow_solve *p, const struct flow_solve_map *map,
                            const struct flow_solve_step *step) {
    NAME(product)(&(struct flow_product){
        .a = map->known + step->first * p->lanes, .a_stride = p->lanes,
        .b = map->weights + map->panel + 32 * step->first + step->lane, .b_step = 32, .b_stride = 1,
        .c = map->partial + step->lane * p->lanes, .c_stride = p->lanes, .lanes = p->lanes, .count = step->count,
        .depth = step->depth, .accumulate = 1});
}

#define SOLVE_UNITS(F)                                                                                                 \
    case F:                                                                                                            \
        for (ptrdiff_t u = 0; u < step->count; u++)                                                                    \
            for (ptrdiff_t l = 0; l < p->lanes; l += LANES) {                                                          \
                const ptrdiff_t at = (step->offset + u) * p->lanes + l;                                                \
                vec sum = NAME(solve_sum)(map, step, p->lanes, u, l);                                                  \
                if (map->stream) {                                                                                     \
                    if (map->adds) sum += *(const vec *)(map->stream + at);                                            \
                    *(vec *)(map->stream + at) = sum;                                                                  \
                }                                                                                                      \
                *(vec *)(map->outputs + at) = NAME(activation)(F, sum);                                                \
            }                                                                                                          \
        return;

static void NAME(solve_units)(const struct flow_solve *p, const struct flow_solve_map *map,
                              const struct flow_solve_step *step) {
    switch (map->activation) {
        SOLVE_UNITS(FLOW_RELU)
        SOLVE_UNITS(FLOW_TANH)
        SOLVE_UNITS(FLOW_ELU)
        SOLVE_UNITS(FLOW_GELU)
        SOLVE_UNITS(FLOW_IDENTITY)
    }
}

static void NAME(solve_dimension)(const struct flow_solve *p, const struct flow_solve_map *map,
                                  const struct flow_solve_step *step) {
    const vec inverse_bound = splat(1 / p->bound);
    for (ptrdiff_t l = 0; l < p->lanes; l += LANES) {
        const ptrdiff_t at = step->offset * p->lanes + l;
        const vec t = NAME(solve_sum)(map, step, p->lanes, 0, l);
        const vec s = NAME(log_scale)(NAME(solve_sum)(map, step, p->lanes, 16, l), inverse_bound);
        *(vec *)(p->x + at) = NAME(affine)(1, *(const vec *)(p->z + at), t, s);
        *(vec *)(p->log_det + l) -= s;
    }
}

static void NAME(solve)(const struct flow_solve *p, const struct flow_solve_step *steps, ptrdiff_t count) {
    for (const struct flow_solve_step *step = steps; step < steps + count; step++) {
        struct flow_solve_map *map = p->maps + step->map;
        switch (step->kind) {
        case FLOW_OPEN: NAME(solve_open)(p, map, step); break;
        case FLOW_ADD: NAME(solve_add)(p, map, step); break;
        case FLOW_UNITS: NAME(solve_units)(p, map, step); break;
        case FLOW_DIMENSION: NAME(solve_dimension)(p, map, step); break;
        }
    }
}
