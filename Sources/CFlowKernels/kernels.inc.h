// All kernels of one instruction set, and their table.
#include "vector.inc.h"

#include "product.inc.h"

const struct flow_kernels NAME(kernels) = {
    .product = NAME(product),
};
