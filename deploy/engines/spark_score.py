"""Scores of the images of a Spark data frame: mapInArrow, a process of tusk for each task.

    spark-submit --py-files worker.py spark_score.py INPUT.parquet OUTPUT    # rows with a column "image" of files
"""

import sys

import pyarrow as pa
from worker import Scorer

#: Columns that are handed on, by their names, with their types in Spark.
PASSED = {"path": "string"}
TYPES = {pa.string(): "string", pa.float64(): "double", pa.int64(): "long", pa.binary(): "binary"}


def schema_of(*options, passed=PASSED):
    """Columns of the scores, as Spark has them: those of an empty batch."""
    kinds = {"string": pa.string(), "long": pa.int64(), "binary": pa.binary()}
    empty = pa.schema([("image", pa.binary()), *((name, kinds[kind]) for name, kind in passed.items())])
    with Scorer(options) as scorer:
        found = scorer.score(pa.RecordBatch.from_pylist([], schema=empty)).schema
    return ", ".join(f"`{field.name}` {TYPES[field.type]}" for field in found)


def scores(frame, *options, passed=PASSED):
    """The scores of `frame`; `options` are those of tusk score."""
    given = [*options, *(word for name in passed for word in ("--pass", name))]

    def score(batches):
        with Scorer(given) as scorer:
            for batch in batches:
                yield scorer.score(batch)

    return frame.mapInArrow(score, schema_of(*given, passed=passed))


if __name__ == "__main__":
    from pyspark.sql import SparkSession

    source, target, *words = sys.argv[1:]
    spark = SparkSession.builder.appName("tusk").getOrCreate()
    scores(spark.read.parquet(source), *words).write.parquet(target)
