// What the kernel templates are written in: a vector of LANES floats, of whatever registers the instruction set has.
// Included once by each instruction set's file, which defines LANES, NAME(x) and FUSED (whether a fused multiply-add
// exists in hardware; without it products are rounded before they are added).

typedef float NAME(vec) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int NAME(ivec) __attribute__((vector_size(LANES * 4), aligned(4)));
#define vec NAME(vec)
#define ivec NAME(ivec)

static inline __attribute__((always_inline)) vec NAME(splat)(float x) { return (vec){} + x; }
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
