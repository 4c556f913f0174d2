// Sweeps over parameters and gradients. Every operation is rounded by itself (nothing is contracted), and sums have eight
// interleaved chains whatever the width of the registers: all instruction sets give the same bits.

static inline __attribute__((always_inline)) void NAME(adam_lanes)(const struct flow_adam *c, const float *gradient,
                                                                   float *first, float *second, float *weights,
                                                                   float *average) {
    const vec g = *(const vec *)gradient * splat(c->gradient_scale);
    const vec m = *(const vec *)first + splat(c->first_rate) * (g - *(const vec *)first);
    const vec v = *(const vec *)second + splat(c->second_rate) * (g * g - *(const vec *)second);
    const vec root = __builtin_elementwise_sqrt(v);
    const vec step = splat(c->step) * m / (root * splat(c->second_scale) + splat(c->epsilon));
    const vec w = splat(c->keep) * *(const vec *)weights - step;
    *(vec *)first = m;
    *(vec *)second = v;
    *(vec *)weights = w;
    *(vec *)average = splat(c->average_decay) * *(const vec *)average + splat(1 - c->average_decay) * w;
}

static void NAME(adam)(const struct flow_adam *c, const float *gradient, float *first, float *second, float *weights,
                       float *average, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        NAME(adam_lanes)(c, gradient + i, first + i, second + i, weights + i, average + i);
    if (i == count) return;
    // The rest in whole vectors too, of copies.
    float rest[5][LANES] = {{0}};
    float *const arrays[5] = {(float *)gradient, first, second, weights, average};
    for (int k = 0; k < 5; k++)
        for (ptrdiff_t l = 0; i + l < count; l++) rest[k][l] = arrays[k][i + l];
    NAME(adam_lanes)(c, rest[0], rest[1], rest[2], rest[3], rest[4]);
    for (int k = 1; k < 5; k++)
        for (ptrdiff_t l = 0; i + l < count; l++) arrays[k][i + l] = rest[k][l];
}

typedef float NAME(eight) __attribute__((vector_size(32), aligned(4)));
typedef double NAME(wide) __attribute__((vector_size(64), aligned(8)));

static double NAME(sum_of_squares)(const float *x, ptrdiff_t count) {
    NAME(wide) sums = {0};
    ptrdiff_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const NAME(wide) values = __builtin_convertvector(*(const NAME(eight) *)(x + i), NAME(wide));
        sums += values * values;
    }
    double rest = 0;
    for (; i < count; i++) rest += (double)x[i] * x[i];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest;
}
