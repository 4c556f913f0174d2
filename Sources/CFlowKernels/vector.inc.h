// What the kernel templates are written in: a vector of LANES floats, of whatever registers the instruction set has.
// Included once by each instruction set's file, which defines LANES, NAME(x), FUSED (whether a fused multiply-add exists in
// hardware; without it products are rounded before they are added) and DOT_BF16 (see half.inc.h).

typedef float NAME(vec) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int NAME(ivec) __attribute__((vector_size(LANES * 4), aligned(4)));
#define vec NAME(vec)
#define ivec NAME(ivec)

// minus zero, which the compiler leaves out: adding it would cost an instruction, as -0 + 0 is +0
static inline __attribute__((always_inline)) vec NAME(splat)(float x) { return x - (vec){}; }
#define splat NAME(splat)

// a · b + c
static inline __attribute__((always_inline)) vec NAME(fma)(vec a, vec b, vec c) {
#if FUSED
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}
#define fma_vec NAME(fma)

// Sum of all lanes, always in the same order.
static inline __attribute__((always_inline)) float NAME(total)(vec v) {
    typedef float f4 __attribute__((vector_size(16)));
#if LANES == 16
    typedef float f8 __attribute__((vector_size(32)));
    const f8 h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                 __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const f4 q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
#elif LANES == 8
    const f4 q = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
    const f4 q = __builtin_shufflevector(v, v, 0, 1, 2, 3);
#endif
    return (q[0] + q[2]) + (q[1] + q[3]);
}
#define total NAME(total)

// The lanes of even and of odd index of two vectors side by side, and back.
#if LANES == 16
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define LOW(e, o) __builtin_shufflevector(e, o, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(e, o) __builtin_shufflevector(e, o, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define LOW(e, o) __builtin_shufflevector(e, o, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(e, o) __builtin_shufflevector(e, o, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define LOW(e, o) __builtin_shufflevector(e, o, 0, 4, 1, 5)
#define HIGH(e, o) __builtin_shufflevector(e, o, 2, 6, 3, 7)
#endif

static inline __attribute__((always_inline)) vec NAME(choose)(ivec mask, vec a, vec b) {
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}
#define choose NAME(choose)

static inline __attribute__((always_inline)) vec NAME(magnitude)(vec x) { return (vec)((ivec)x & 0x7fffffff); }
#define magnitude NAME(magnitude)

// The first `count` lanes from memory, the others 0; what does not fill a vector goes through the same code as what does.
static inline __attribute__((always_inline)) vec NAME(load)(const float *x, ptrdiff_t count) {
    if (count >= LANES) return *(const vec *)x;
    vec v = splat(0);
    __builtin_memcpy(&v, x, count * sizeof(float));
    return v;
}
static inline __attribute__((always_inline)) void NAME(store)(vec v, float *x, ptrdiff_t count) {
    if (count >= LANES)
        *(vec *)x = v;
    else
        __builtin_memcpy(x, &v, count * sizeof(float));
}
#define load NAME(load)
#define store NAME(store)
