"""Scores of the images of a Dask data frame: map_partitions, a process of tusk for each worker's process.

    python dask_score.py INPUT.parquet OUTPUT    # rows with a column "image" of files
"""

import functools
import sys

import dask.dataframe
import pandas
import pyarrow as pa
from worker import Scorer


@functools.cache
def scorer(options):
    """The process of this worker; it ends with it."""
    return Scorer(options)


def score(frame: pandas.DataFrame, options) -> pandas.DataFrame:
    rows = pa.table({"image": pa.array(frame["image"], pa.binary())})
    # without threads of one process taking turns, which Dask's threaded scheduler would have
    scores = scorer(options).table(rows).to_pandas()
    return scores.set_index(frame.index)


def scores(frame, *options):
    """The scores of `frame`, of a column "image"; `options` are those of tusk score. For schedulers of processes."""
    empty = score(pandas.DataFrame({"image": pandas.Series([], dtype=object)}), options)
    return frame.map_partitions(score, options, meta=empty)


if __name__ == "__main__":
    source, target, *words = sys.argv[1:]
    scores(dask.dataframe.read_parquet(source), *words).to_parquet(target)
