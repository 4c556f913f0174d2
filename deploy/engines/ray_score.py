"""Scores of the images of a Ray Data set: map_batches with actors, each of which owns a process of tusk.

    python ray_score.py INPUT.parquet OUTPUT    # rows with a column "image": files, {bytes, path}, or arrays of levels

Arrow tables go in and out. Where the rows' order counts, set `ray.data.DataContext.get_current().execution_options.preserve_order`.
"""

import sys

import pyarrow as pa
import ray
from worker import Scorer


class Score:
    """An actor: one process, which loads its model once."""

    def __init__(self, *options):
        self.scorer = Scorer(options)

    def __call__(self, table: pa.Table) -> pa.Table:
        return self.scorer.table(table)


def scores(rows, *options, workers=2, batch_size=256):
    """The scores of `rows`, a ray.data.Dataset; `options` are those of tusk score."""
    return rows.map_batches(
        Score, fn_constructor_args=options, batch_format="pyarrow", batch_size=batch_size, compute=ray.data.ActorPoolStrategy(size=workers))


if __name__ == "__main__":
    source, target, *given = sys.argv[1:]
    scores(ray.data.read_parquet(source), *given).write_parquet(target)
