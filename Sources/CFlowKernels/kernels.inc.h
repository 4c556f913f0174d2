// All kernels of one instruction set, and their table.
#include "vector.inc.h"

#include "product.inc.h"

#include "functions.inc.h"

#include "elementwise.inc.h"

#include "solve.inc.h"

#include "random.inc.h"

const struct flow_kernels NAME(kernels) = {
    .product = NAME(product),
    .activate = NAME(activate),
    .affine_forward = NAME(affine_forward),
    .affine_inverse = NAME(affine_inverse),
    .solve_units = NAME(solve_units),
    .solve_dimension = NAME(solve_dimension),
    .transpose = NAME(transpose),
    .normals = NAME(normals),
};
