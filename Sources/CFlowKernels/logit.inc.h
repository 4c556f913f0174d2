// Between an image and what a flow sees, in double precision.

typedef unsigned char NAME(bytes) __attribute__((vector_size(PAIRS), aligned(1)));
typedef int NAME(half_int) __attribute__((vector_size(PAIRS * 4), aligned(4)));

// The first `count` of PAIRS elements of a size; a constant number of bytes where all are there.
#define COPY(TO, FROM, COUNT, TYPE)                                                                                    \
    if ((COUNT) >= PAIRS)                                                                                              \
        __builtin_memcpy(TO, FROM, PAIRS * sizeof(TYPE));                                                              \
    else                                                                                                               \
        __builtin_memcpy(TO, FROM, (COUNT) * sizeof(TYPE))

static double NAME(logit)(const struct flow_logit *p, const unsigned char *levels, const float *noise, float *w,
                          ptrdiff_t count) {
    dvec sum[GROUPS] = {};
    for (ptrdiff_t j = 0; j < count; j += 8)
        for (int g = 0; g < GROUPS; g++) {
            const ptrdiff_t at = j + g * PAIRS, left = count - at;
            if (left <= 0) break;
            NAME(bytes) level = {};
            COPY(&level, levels + at, left, unsigned char);
            const dvec x = __builtin_convertvector(level, dvec) + NAME(dload)(noise + at, left);
            const dvec log_s = NAME(dlog)(p->alpha + x * p->step);
            const dvec log_rest = NAME(dlog)(p->alpha + (p->levels - x) * p->step);
            const half_vec value = __builtin_convertvector(log_s - log_rest, half_vec);
            COPY(w + at, &value, left, float);
            sum[g] += NAME(first_lanes)(log_s + log_rest, left);
        }
    return NAME(chains_total)(sum);
}

static int NAME(levels)(const struct flow_logit *p, const float *w, unsigned char *levels, ptrdiff_t count,
                        double *log_sum) {
    dvec sum[GROUPS] = {};
    lvec finite = (lvec){} - 1;
    for (ptrdiff_t j = 0; j < count; j += 8)
        for (int g = 0; g < GROUPS; g++) {
            const ptrdiff_t at = j + g * PAIRS, left = count - at;
            if (left <= 0) break;
            const dvec given = NAME(dload)(w + at, left);
            const dvec size = (dvec)((lvec)given & 0x7fffffffffffffff);
            const lvec good = size < __builtin_inf();
            finite &= good;
            // e^-|w|; below e^-700 nothing changes any more
            const dvec e = NAME(dexp)(-NAME(dchoose)(size < 700, size, (dvec){} + 700)), u = 1 + e;
            const dvec log1p = NAME(dlog)(u) + (e - (u - 1)) / u;
            // ln s + ln (1 - s) = -softplus(-w) - softplus(w) = -|w| - 2 ln (1 + e^-|w|)
            sum[g] -= NAME(first_lanes)(size + 2 * log1p, left);
            const dvec s = NAME(dchoose)(given < 0, e, (dvec){} + 1) / u;
            const dvec x = (s - p->alpha) / p->step;
            // the flow has a little mass outside the levels: it belongs to the first and to the last one
            const dvec above = NAME(dchoose)((x > 0) & good, x, (dvec){}), last = (dvec){} + (p->levels - 1);
            const NAME(half_int) whole =
                __builtin_convertvector(NAME(dchoose)(above < last, above, last), NAME(half_int));
            const NAME(bytes) level = __builtin_convertvector(whole, NAME(bytes));
            COPY(levels + at, &level, left, unsigned char);
        }
    *log_sum = NAME(chains_total)(sum);
    for (int l = 0; l < PAIRS; l++)
        if (!finite[l]) return 0;
    return 1;
}
