// Sums and gates of the residual blocks of convolutional networks.

static void NAME(add)(float factor, const float *x, float *y, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += LANES)
        store(fma_vec(splat(factor), load(x + i, count - i), load(y + i, count - i)), y + i, count - i);
}

static void NAME(gate)(const float *v, float *g, float *y, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vec share = NAME(sigmoid)(load(g + i, count - i));
        store(share, g + i, count - i);
        store(fma_vec(load(v + i, count - i), share, load(y + i, count - i)), y + i, count - i);
    }
}

static void NAME(gate_backward)(const float *d, float *v, float *s, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        const vec by_y = load(d + i, count - i), value = load(v + i, count - i), share = load(s + i, count - i);
        const vec by_value = by_y * share;
        store(by_value, v + i, count - i);
        store(by_value * value * (1 - share), s + i, count - i);
    }
}
