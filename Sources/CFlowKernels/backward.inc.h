// Element-wise kernels of training, on unit-major arrays whose rows are a multiple of 16.

static inline __attribute__((always_inline)) vec NAME(activation_slope)(enum flow_activation f, vec x) {
    switch (f) {
    case FLOW_RELU: return choose(x > 0, splat(1), splat(0));
    case FLOW_IDENTITY: return splat(1);
    case FLOW_TANH: {
        const vec y = NAME(tanh)(x);
        return 1 - y * y;
    }
    case FLOW_ELU: return choose(x > 0, splat(1), NAME(exp)(choose(x > 0, splat(0), x)));
    case FLOW_GELU: {
        const vec a = choose(magnitude(x) > 16, splat(16), magnitude(x)), c = 0.5f * NAME(normal_tail)(a);
        return fma_vec(x * 0.39894228040143268f, NAME(exp)(a * a * -0.5f), choose(x < 0, c, 1 - c));
    }
    }
    __builtin_unreachable();
}

#define ACTIVATION_BACKWARD(F)                                                                                         \
    case F:                                                                                                            \
        for (ptrdiff_t i = 0; i < count; i += LANES)                                                                   \
            store(load(dx + i, count - i) * NAME(activation_slope)(F, load(x + i, count - i)), dx + i, count - i);     \
        return;

static void NAME(activation_backward)(enum flow_activation f, const float *x, float *dx, ptrdiff_t count) {
    switch (f) {
        ACTIVATION_BACKWARD(FLOW_RELU)
        ACTIVATION_BACKWARD(FLOW_TANH)
        ACTIVATION_BACKWARD(FLOW_ELU)
        ACTIVATION_BACKWARD(FLOW_GELU)
        ACTIVATION_BACKWARD(FLOW_IDENTITY)
    }
}

typedef float NAME(sixteen) __attribute__((vector_size(64), aligned(4)));

static void NAME(lane_sums)(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t columns, float *sums) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        NAME(sixteen) sum = *(NAME(sixteen) *)(sums + r * 16);
        for (ptrdiff_t c = 0; c < columns; c += 16) sum += *(const NAME(sixteen) *)(x + r * x_stride + c);
        *(NAME(sixteen) *)(sums + r * 16) = sum;
    }
}
