"""`tusk score` inside Ray Data, Spark and Dask, two workers each, as deploy/engines has it; a worker that is killed; a Job and a Slurm array as they start it.

    .build/conformance-engines/bin/python Tests/conformance/engines.py [--program PROGRAM] [--only NAME ...] [--rows N]

Every engine must say what one run says, row for row. Throughput of one and two workers is told, not asserted.
"""

import argparse
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = ROOT / "deploy/engines"
sys.path.insert(0, str(ENGINES))
BAD = 5  # every so many rows one that is no picture
OPTIONS = ("--threads", "1")


def check(what, holds, seen=""):
    print(("ok   " if holds else "FAIL ") + what + (f": {seen}" if seen and not holds else ""), flush=True)
    if not holds:
        sys.exit(1)


def table(rows):
    """Rows with a path and a file, of which some are broken and some null."""
    random = np.random.default_rng(1)

    def file(row):
        if row % BAD == 3:
            return None if row % 2 else b"no picture"
        written = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (28, 28), np.uint8)).save(written, "PNG")
        return written.getvalue()

    return pa.table({"path": pa.array([f"{row:06}.png" for row in range(rows)]), "image": pa.array([file(row) for row in range(rows)], pa.binary())})


def by_path(scores):
    return {row["path"]: row for row in scores.to_pylist()}


class Engines:
    def __init__(self, folder, rows):
        self.folder, self.rows = folder, rows
        self.input = folder / "images.parquet"
        self.table = table(rows)
        pq.write_table(self.table, self.input, row_group_size=max(1, rows // 8))
        from worker import Scorer
        with Scorer([*OPTIONS, "--pass", "path"]) as scorer:
            self.expected = scorer.table(self.table)
        check(f"one process scores {rows} rows, with nulls and errors in their places",
              self.expected.num_rows == rows and self.expected["error"].null_count == sum(row % BAD != 3 for row in range(rows)))

    def same(self, engine, scores):
        check(f"{engine}: what one process says, row for row", by_path(scores) == by_path(self.expected), scores.num_rows)

    def pipes(self):
        """A process that dies in the middle is started anew; a stream that is none is not tried again."""
        from worker import BAD_INPUT, ScoreError, Scorer
        with Scorer([*OPTIONS, "--pass", "path"]) as scorer:
            found = []
            for number, batch in enumerate(self.table.to_batches(max_chunksize=64)):
                if number == 1:
                    scorer.process.kill()
                if number == 2:
                    # in the midst of its answer
                    threading.Timer(0.01, scorer.process.kill).start()
                found.append(scorer.score(batch))
        self.same("a process that is killed twice", pa.Table.from_batches(found))
        with Scorer([*OPTIONS, "--image-column", "none"]) as scorer:
            try:
                scorer.score(self.table.to_batches()[0])
                check("a column that is not there is refused", False)
            except ScoreError as error:
                check("a column that is not there is refused once", f"status {BAD_INPUT}" in str(error), error)

    def ray(self):
        import ray
        import ray_score
        ray.init(num_cpus=4, include_dashboard=False, logging_level="error", runtime_env={"env_vars": {"PYTHONPATH": str(ENGINES)}})
        ray.data.DataContext.get_current().enable_progress_bars = False
        options = (*OPTIONS, "--pass", "path")
        seconds = {}
        for workers in (1, 2):
            rows = ray.data.from_arrow(self.table).repartition(16)
            began = time.monotonic()
            scores = pa.concat_tables(ray.get(ray_score.scores(rows, *options, workers=workers, batch_size=64).to_arrow_refs()))
            seconds[workers] = time.monotonic() - began
            self.same(f"Ray Data, workers {workers}", scores)
        print(f"     {self.rows} rows in {seconds[1]:.1f} s by one worker and {seconds[2]:.1f} s by two, their starts among it", flush=True)
        ray.shutdown()

    def spark(self):
        from pyspark.sql import SparkSession
        import spark_score
        spark = (SparkSession.builder.master("local[2]").appName("tusk").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
                 .config("spark.submit.pyFiles", str(ENGINES / "worker.py")).config("spark.log.level", "ERROR").getOrCreate())
        frame = spark.read.parquet(str(self.input)).repartition(4)
        scores = spark_score.scores(frame, *OPTIONS).toArrow()
        self.same("Spark, local[2]", scores)
        spark.stop()

    def dask(self):
        import dask
        import dask.dataframe
        import dask_score
        dask.config.set({"dataframe.convert-string": False})
        frame = dask.dataframe.from_pandas(self.table.to_pandas(), npartitions=4)
        with dask.config.set(scheduler="processes", num_workers=2):
            found = dask_score.scores(frame, *OPTIONS).compute()
        ours = self.expected.to_pandas()
        same = all((a == b) or (a != a and b != b) or (a is None and b is None) for a, b in zip(found["log_prob"], ours["log_prob"]))
        check("Dask, two processes: what one process says, row for row", same and list(found["error"].isna()) == list(ours["error"].isna()))

    def arrays(self):
        """The Job by the schemas of Kubernetes, and both started as they start the program."""
        job = yaml.safe_load((ENGINES / "job.yaml").read_text())
        import kubernetes_validate
        for version in ("1.33", "1.34"):
            kubernetes_validate.validate(job, version, strict=True)
        check("job.yaml is a Job of Kubernetes 1.33 and 1.34", True)
        images = self.folder / "images"
        images.mkdir()
        for row in range(40):
            if file := self.table["image"][row].as_py():
                (images / f"{row:03}.png").write_bytes(file)
        whole = self.folder / "whole.csv"
        subprocess.run([os.environ["TUSK"], "score", images, "--format", "csv", "--output", whole], stderr=subprocess.DEVNULL, check=False)
        container = job["spec"]["template"]["spec"]["containers"][0]
        count = job["spec"]["completions"]
        scores = self.folder / "scores"
        scores.mkdir()
        places = {"/models/model.safetensors": ROOT / "Models/animals.safetensors", "/images": images}
        words = [str(places.get(word, word)).replace("/scores/", f"{scores}/") for word in container["args"]]
        for index in range(count):
            environment = {**os.environ, "JOB_COMPLETION_INDEX": str(index)}
            subprocess.run([os.environ["TUSK"], *words], env=environment, check=True, stderr=subprocess.DEVNULL)
        merged = b"".join(path.read_bytes() for path in sorted(scores.iterdir()))
        check(f"the {count} parts of the Job, one behind the other, are one run's output, byte for byte", merged == whole.read_bytes())
        slurm = self.folder / "slurm"
        for index in range(4):
            environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_CPUS_PER_TASK": "1"}
            subprocess.run([ENGINES / "slurm.sh", images, slurm], env=environment, check=True, stderr=subprocess.DEVNULL)
        merged = b"".join(path.read_bytes() for path in sorted(slurm.iterdir()))
        check("and so are the four of a Slurm array", merged == whole.read_bytes())
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "4"}
        status = subprocess.run([ENGINES / "slurm.sh", self.folder / "none", slurm / "other"], env=environment, check=False, capture_output=True).returncode
        check("  a folder that is not there ends a task with status 42", status == 42, status)

    NAMES = ("pipes", "arrays", "ray", "spark", "dask")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/tusk")
    parser.add_argument("--only", nargs="+", choices=Engines.NAMES, default=Engines.NAMES)
    parser.add_argument("--rows", type=int, default=1000)
    arguments = parser.parse_args()
    os.environ["TUSK"] = str(arguments.program.resolve())
    os.environ["PYTHONPATH"] = str(ENGINES)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as name:
        engines = Engines(pathlib.Path(name), arguments.rows)
        for one in arguments.only:
            if one == "spark" and not shutil.which("java"):
                sys.exit("engines: Spark needs Java: scripts/setup.sh conformance installs Debian's")
            getattr(engines, one)()


if __name__ == "__main__":
    main()
