// The sequential direction: a plan of steps, each for all rows side by side.

// Lanes that are computed: as many vectors as the rows fill. Arrays have room for whole vectors of the widest registers.
static inline __attribute__((always_inline)) ptrdiff_t NAME(solve_used)(const struct flow_solve *p) {
    return (p->rows + LANES - 1) / LANES * LANES;
}

// Input `input` of a map becomes known: as it is, or rounded to bfloat16.
static inline __attribute__((always_inline)) void NAME(solve_know)(const struct flow_solve_map *map, ptrdiff_t lanes,
                                                                   ptrdiff_t input, ptrdiff_t l, vec value) {
    if (map->bf16_known) {
        const pvec half = NAME(rounded)(value);
        pvec *pair = (pvec *)(map->bf16_known + input / 2 * lanes + l);
        *pair = input % 2 ? *pair | half << 16 : half;
        value = (vec)(half << 16);
    }
    *(vec *)(map->known + input * lanes + l) = value;
}

// The weights of the panel under way.
static inline __attribute__((always_inline)) const float *NAME(solve_panel)(const struct flow_solve_map *map) {
    return (map->weights ? map->weights : map->room) + map->panel;
}

// What `lane` of a panel under way still lacks: `depth` known inputs from `first` on.
static inline __attribute__((always_inline)) vec NAME(solve_sum)(const struct flow_solve_map *map,
                                                                 const struct flow_solve_step *step, ptrdiff_t lanes,
                                                                 ptrdiff_t place, ptrdiff_t lane, ptrdiff_t l) {
    vec sum = *(const vec *)(map->partial + (32 * place + lane) * lanes + l);
    const float *known = map->known + step->first * lanes + l;
    const float *weight = NAME(solve_panel)(map) + place * map->panel_step + 32 * step->first + lane;
    for (ptrdiff_t t = 0; t < step->depth; t++) {
        sum = fma_vec(*(const vec *)known, splat(*weight), sum);
        known += lanes;
        weight += 32;
    }
    return sum;
}

// The products of a panel with all that is known, its units as lanes: no lane stands for a row that is not there.
static void NAME(solve_bring_in)(const struct flow_solve *p, const struct flow_solve_map *map,
                                 const struct flow_solve_step *step) {
    const float *biases = map->biases + 32 * step->lane;
    if (map->bf16_weights)
        NAME(product_bf16)(&(struct flow_product_bf16){
            .a = map->bf16_weights + step->offset, .b = (const unsigned short *)map->bf16_known, .b_step = 2 * p->lanes,
            .b_stride = 2, .c = p->scratch, .c_stride = 32, .count = p->rows, .pairs = (step->depth + 1) / 2,
            .bias = biases});
    else
        NAME(product)(&(struct flow_product){
            .a = map->weights ? map->weights + step->offset : NULL,
            .half_a = map->half_weights ? map->half_weights + step->offset : NULL, .a_stride = 32, .b = map->known,
            .b_step = p->lanes, .b_stride = 1, .c = p->scratch, .c_stride = 32, .lanes = 32,
            .count = p->rows, .depth = step->depth, .bias = biases});
    NAME(transpose)(p->scratch, 32, map->partial + 32 * step->place * p->lanes, p->lanes, p->rows, 32);
}

static void NAME(solve_open)(const struct flow_solve *p, struct flow_solve_map *map, const struct flow_solve_step *step) {
    NAME(solve_bring_in)(p, map, step);
    map->panel_step = 32 * step->count;
    map->panel = map->weights ? step->offset - step->place * map->panel_step : 0;
    if (map->weights) return;
    // what becomes known later is brought in in single precision
    const ptrdiff_t first = map->bf16_weights ? step->depth & ~1 : step->depth;
    float *const room = map->room + step->place * map->panel_step + 32 * first;
    if (map->bf16_weights)
        NAME(widen_bf16)(map->bf16_weights + step->offset + 32 * first, room, step->count - first);
    else
        NAME(widen_f16)(map->half_weights + step->offset + 32 * first, room, 32 * (step->count - first));
}

// Adds known inputs to units of the panel that are still to come.
static void NAME(solve_add)(const struct flow_solve *p, const struct flow_solve_map *map,
                            const struct flow_solve_step *step) {
    NAME(product)(&(struct flow_product){
        .a = map->known + step->first * p->lanes, .a_stride = p->lanes,
        .b = NAME(solve_panel)(map) + step->place * map->panel_step + 32 * step->first + step->lane, .b_step = 32,
        .b_stride = 1, .c = map->partial + (32 * step->place + step->lane) * p->lanes, .c_stride = p->lanes,
        .lanes = NAME(solve_used)(p), .count = step->count,
        .depth = step->depth, .accumulate = 1});
}

// Units and dimensions wait for one another; memory need not.
static inline __attribute__((always_inline)) void NAME(solve_ahead)(const struct flow_solve_map *map,
                                                                    const struct flow_solve_step *step) {
    const ptrdiff_t size = map->weights ? sizeof(float) : sizeof(short);
    const char *weights = map->weights        ? (const char *)map->weights
                          : map->bf16_weights ? (const char *)map->bf16_weights
                                              : (const char *)map->half_weights;
    const char *line = weights + step->ahead * size, *end = line + step->ahead_count * size;
    for (; line < end; line += 64) __builtin_prefetch(line, 0, 2);
}

#define SOLVE_UNITS(F)                                                                                                 \
    case F:                                                                                                            \
        for (ptrdiff_t u = 0; u < step->count; u++)                                                                    \
            for (ptrdiff_t l = 0; l < NAME(solve_used)(p); l += LANES) {                                               \
                const ptrdiff_t at = (step->offset + u) * p->lanes + l;                                                \
                vec sum = NAME(solve_sum)(map, step, p->lanes, 0, step->lane + u, l);                                  \
                if (map->skip) sum += *(const vec *)(map->skip + at);                                                  \
                if (map->sum) *(vec *)(map->sum + at) = sum;                                                           \
                NAME(solve_know)(map + 1, p->lanes, step->offset + u, l, NAME(activation)(F, sum));                    \
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

static inline __attribute__((always_inline)) void NAME(solve_dimension_as)(enum flow_transform_kind kind,
                                                                           ptrdiff_t count,
                                                                           const struct flow_solve *p,
                                                                           const struct flow_solve_map *map,
                                                                           const struct flow_solve_step *step) {
    float raw[FLOW_MOST_PARAMETERS * LANES];
    for (ptrdiff_t l = 0; l < NAME(solve_used)(p); l += LANES) {
        const ptrdiff_t at = step->offset * p->lanes + l;
        for (ptrdiff_t j = 0; j < count; j++)
            store(NAME(solve_sum)(map, step, p->lanes, j / 2, step->lane + j % 2 * 16, l), raw + j * LANES, LANES);
        const vec before = *(const vec *)(p->z + at);
        vec log_derivative;
        const vec after = p->given ? NAME(transformed)(kind, 0, &p->transform, raw, LANES, before, &log_derivative)
                                   : NAME(transformed)(kind, 1, &p->transform, raw, LANES, before, &log_derivative);
        *(vec *)(p->z + at) = after;
        NAME(solve_know)(p->maps, p->lanes, p->context + step->offset, l, p->given ? before : after);
        *(vec *)(p->log_det + l) += log_derivative;
    }
}

static void NAME(solve_dimension)(const struct flow_solve *p, const struct flow_solve_map *map,
                                  const struct flow_solve_step *step) {
    switch (p->transform.kind) {
#define TRANSFORM(name, fixed)                                                                                         \
    case flow_transform_##name:                                                                                        \
        return NAME(solve_dimension_as)(flow_transform_##name, fixed ? fixed : step->count, p, map, step);
        FLOW_TRANSFORMS(TRANSFORM)
#undef TRANSFORM
    }
}

static void NAME(solve_given)(const struct flow_solve *p, const struct flow_solve_map *map,
                              const struct flow_solve_step *step) {
    for (ptrdiff_t t = step->first; t < step->first + step->depth; t++)
        for (ptrdiff_t l = 0; l < NAME(solve_used)(p); l += LANES)
            NAME(solve_know)(map, p->lanes, t, l, *(const vec *)(map->known + t * p->lanes + l));
}

static void NAME(solve)(const struct flow_solve *p, const struct flow_solve_step *steps, ptrdiff_t count) {
    for (const struct flow_solve_step *step = steps; step < steps + count; step++) {
        struct flow_solve_map *map = p->maps + step->map;
        switch (step->kind) {
        case FLOW_OPEN: NAME(solve_open)(p, map, step); break;
        case FLOW_ADD: NAME(solve_add)(p, map, step); break;
        case FLOW_UNITS:
            NAME(solve_ahead)(map, step);
            NAME(solve_units)(p, map, step);
            break;
        case FLOW_DIMENSION:
            NAME(solve_ahead)(map, step);
            NAME(solve_dimension)(p, map, step);
            break;
        case FLOW_GIVEN: NAME(solve_given)(p, map, step); break;
        }
    }
}
