// The three products of a training step, dense, by our kernel and by OpenBLAS: see openblas.sh.
//
// forward   Y[u, r] = sum_k W[u, k] X[k, r]     weights row-major, activations unit-major
// pull back dX[k, r] = sum_u W[u, k] dY[u, r]
// gradient  dW[u, k] = sum_r dY[u, r] X[r, k]
#include "CFlowKernels.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *openblas_get_corename(void);

// STRIDE: from row to row of the inputs by row, not a multiple of 2 KiB; the layout is ours to choose.
enum { UNITS = 1024, INPUTS = 1024, PANEL = 24, DEPTH = 64, WIDTH = 48, STRIDE = 1040 };

static const struct flow_kernels *kernels;
static float *w, *x, *y;
static ptrdiff_t rows;

static float *numbers(size_t count) {
    float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) values[i] = (float)(rand() / (double)RAND_MAX) - 0.5f;
    return values;
}

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// As TriangularLinear.forward, pullBack and weightGradient call it.
static void ours_forward(void) {
    for (ptrdiff_t u = 0; u < UNITS; u += PANEL)
        kernels->product(&(struct flow_product){
            .a = x, .a_stride = rows, .b = w + u * INPUTS, .b_step = 1, .b_stride = INPUTS, .c = y + u * rows,
            .c_stride = rows, .lanes = rows, .count = least(PANEL, UNITS - u), .depth = INPUTS});
}

static void ours_pull_back(void) {
    for (ptrdiff_t u = 0; u < UNITS; u += DEPTH)
        for (ptrdiff_t k = 0; k < INPUTS; k += WIDTH)
            kernels->product(&(struct flow_product){
                .a = y + u * rows, .a_stride = rows, .b = w + u * INPUTS + k, .b_step = INPUTS, .b_stride = 1,
                .b_ahead = WIDTH, .c = x + k * rows, .c_stride = rows, .lanes = rows, .count = least(WIDTH, INPUTS - k),
                .depth = DEPTH, .accumulate = u > 0});
}

static void ours_gradient(void) {
    for (ptrdiff_t u = 0; u < UNITS; u += PANEL)
        kernels->product(&(struct flow_product){
            .a = x, .a_stride = STRIDE, .b = y + u * rows, .b_step = 1, .b_stride = rows, .c = w + u * INPUTS,
            .c_stride = INPUTS, .lanes = INPUTS, .count = least(PANEL, UNITS - u), .depth = rows});
}

static void blas_forward(void) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, UNITS, rows, INPUTS, 1, w, INPUTS, x, rows, 0, y, rows);
}

static void blas_pull_back(void) {
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, INPUTS, rows, UNITS, 1, w, INPUTS, y, rows, 0, x, rows);
}

static void blas_gradient(void) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, UNITS, INPUTS, rows, 1, y, rows, x, STRIDE, 0, w, INPUTS);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

// GFLOP/s of each, in turns: medians of 15.
static void compare(const char *name, void (*ours)(void), void (*blas)(void)) {
    enum { TURNS = 15 };
    const double flops = 2.0 * UNITS * INPUTS * rows;
    double speed[2][TURNS];
    void (*const run[2])(void) = {ours, blas};
    for (int i = 0; i < TURNS; i++)
        for (int k = 0; k < 2; k++) {
            const int calls = 1 + 1e9 / flops;
            run[k]();
            const double start = seconds();
            for (int c = 0; c < calls; c++) run[k]();
            speed[k][i] = calls * flops / (seconds() - start) / 1e9;
        }
    for (int k = 0; k < 2; k++) qsort(speed[k], TURNS, sizeof(double), ascending);
    printf(" %s %.0f / %.0f (%.2f) |", name, speed[0][TURNS / 2], speed[1][TURNS / 2],
           speed[0][TURNS / 2] / speed[1][TURNS / 2]);
}

int main(int argc, char **argv) {
    if (argc != 2) return 64;
    const char *names[] = {"baseline", "avx2", "avx512"};
    for (int set = 0; set < 3; set++)
        if (!strcmp(argv[1], names[set])) kernels = flow_kernels_of(set);
    if (!kernels) {
        printf("%s: not on this CPU\n", argv[1]);
        return 0;
    }
    w = numbers(UNITS * INPUTS);
    for (rows = 16; rows <= 128; rows *= 2) {
        x = numbers(STRIDE * rows);
        y = numbers(UNITS * rows);
        printf("| %s, OpenBLAS %s | %td |", argv[1], openblas_get_corename(), rows);
        compare("", ours_forward, blas_forward);
        compare("", ours_pull_back, blas_pull_back);
        compare("", ours_gradient, blas_gradient);
        printf("\n");
        free(x);
        free(y);
    }
    return 0;
}
