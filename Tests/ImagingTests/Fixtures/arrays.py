"""Writes arrays.npy: what numpy.save makes of every type that is read, in both orders of bytes and of axes, one file after another.
NumPy 2.4.6. Element i of an array is i for unsigned types, i - 6 for signed ones, i / 4 - 1 for floats, i % 3 == 0 for booleans."""
import os

import numpy as np

i = np.arange(12).reshape(2, 3, 2)
values = {"?": i % 3 == 0, **{f"u{n}": i for n in (1, 2, 4, 8)}, **{f"i{n}": i - 6 for n in (1, 2, 4, 8)},
          **{f"f{n}": i / 4 - 1 for n in (2, 4, 8)}}
with open(os.path.join(os.path.dirname(__file__), "arrays.npy"), "wb") as file:
    for name, array in values.items():
        for bytes_order in "<" if name in ("?", "u1", "i1") else "<>":
            for axes_order in "CF":
                np.save(file, np.asarray(array, dtype=bytes_order + name, order=axes_order))
