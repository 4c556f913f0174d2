// All kernels of one instruction set, and their table.
#include "vector.inc.h"

#include "product.inc.h"

#include "float16.inc.h"

#include "filtering.inc.h"

#include "half.inc.h"

#include "functions.inc.h"

#include "elementwise.inc.h"

#include "transform.inc.h"

#include "transpose.inc.h"

#include "solve.inc.h"

#include "double.inc.h"

#include "random.inc.h"

#include "backward.inc.h"

#include "optimizer.inc.h"

#include "logit.inc.h"

#include "gate.inc.h"

const struct flow_kernels NAME(kernels) = {
    .product = NAME(product),
    .narrow_f16 = NAME(narrow_f16),
    .tiles = NAME(tiles),
    .filter_product = NAME(filter_product),
    .product_bf16 = NAME(product_bf16),
    .round_bf16 = NAME(round_bf16),
    .widen_bf16 = NAME(widen_bf16),
    .activate = NAME(activate),
    .panel = NAME(panel),
    .solve = NAME(solve),
    .transpose = NAME(transpose),
    .normals = NAME(normals),
    .activation_backward = NAME(activation_backward),
    .columns = NAME(columns),
    .columns_backward = NAME(columns_backward),
    .lane_sums = NAME(lane_sums),
    .adam = NAME(adam),
    .sum_of_squares = NAME(sum_of_squares),
    .uniforms = NAME(uniforms),
    .apply = NAME(apply),
    .log_sum_exp = NAME(log_sum_exp),
    .softmax = NAME(softmax),
    .logit = NAME(logit),
    .levels = NAME(levels),
    .add = NAME(add),
    .gate = NAME(gate),
    .gate_backward = NAME(gate_backward),
};
