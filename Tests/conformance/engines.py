"""`tusk score` inside Ray Data, Spark and Dask, two workers each, as deploy/engines has it; a worker that is killed; a Job and a Slurm array as they start it.

    .build/conformance-engines/bin/python Tests/conformance/engines.py [--program PROGRAM] [--only NAME ...] [--rows N]

Every engine must say what one run says, row for row. Throughput of one and two workers is told, not asserted.
"""

import argparse
import io
import os
import pathlib
import shutil
import signal
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


def processes(folder):
    """Ids of the processes of this run, which have the program's name in `folder`, with their parents'."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[0].decode() == str(folder / "tusk"):
                found.append((int(entry.name), int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])))
        except OSError:
            pass  # gone meanwhile
    return found


class Killer(threading.Thread):
    """Kills two processes of tusk in the middle of a run, and then, if asked, one worker of the engine, by its name, with its own."""

    def __init__(self, folder, owner=None):
        super().__init__(daemon=True)
        self.folder, self.owner = folder, owner
        self.killed, self.owners = [], []
        self.ended = threading.Event()

    def run(self):
        seen = {}
        while not self.ended.wait(0.02):
            for process, parent in processes(self.folder):
                # old enough to have loaded its model and begun a batch
                if time.monotonic() - seen.setdefault(process, time.monotonic()) < 0.4 or process in self.killed:
                    continue
                if len(self.killed) < 2:
                    os.kill(process, signal.SIGKILL)
                    self.killed.append(process)
                elif self.owner and not self.owners and self.owner in pathlib.Path(f"/proc/{parent}/cmdline").read_text():
                    os.kill(parent, signal.SIGKILL)
                    self.owners.append(parent)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def check(self, engine):
        check(f"{engine}: two processes{' and a worker' if self.owner else ''} were killed meanwhile",
              len(self.killed) == 2 and len(self.owners) == (1 if self.owner else 0), (self.killed, self.owners))


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
        check(f"{engine}: each row once", sorted(scores["path"].to_pylist()) == self.table["path"].to_pylist(), scores.num_rows)
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

    def columns(self):
        """Images in columns of all kinds that pyarrow makes, compressed or not."""
        from worker import Scorer
        pixels = np.random.default_rng(2).integers(0, 256, (6, 28, 28), np.uint8)
        files = []
        for image in pixels:
            written = io.BytesIO()
            Image.fromarray(image).save(written, "PNG")
            files.append(written.getvalue())
        kinds = {
            "binary": pa.array(files), "large_binary": pa.array(files, pa.large_binary()), "dictionary": pa.array(files).dictionary_encode(),
            "struct": pa.array([{"bytes": file, "path": "a.png"} for file in files]),
            "lists": pa.array(pixels.tolist(), pa.list_(pa.list_(pa.uint8()))),
            "fixed lists": pa.array(pixels.tolist(), pa.list_(pa.list_(pa.int32(), 28), 28)),
            "a flat fixed list": pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 784),
            "tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(pixels),
            "part of a tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(np.concatenate([pixels, pixels])).slice(6),
        }
        found = {}
        for kind, column in kinds.items():
            with Scorer(OPTIONS) as scorer:
                scores = scorer.score(pa.RecordBatch.from_arrays([column], ["image"]))
                scores.validate(full=True)
                found[kind] = scores["log_prob"].to_pylist()
        check(f"the same of {', '.join(kinds)}", all(scores == found["binary"] for scores in found.values()) and None not in found["binary"], found)
        from worker import ScoreError
        folded = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([[1, 2]]))
        for column in (pa.ListArray.from_arrays(pa.array([0, 1, 2]), folded), pa.array(["a"]), pa.array([1.5])):
            try:
                Scorer(OPTIONS).score(pa.RecordBatch.from_arrays([column], ["image"]))
                check(f"{column.type} is refused", False)
            except ScoreError as error:
                check(f"{column.type} is refused", "status 42" in str(error) and "found image" in str(error), error)
        for codec in ("lz4", "zstd"):
            stream = io.BytesIO()
            rows = pa.table({"image": kinds["lists"]})
            with pa.ipc.new_stream(stream, rows.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
                writer.write_table(rows)
            command = [os.environ["TUSK"], "score", "--stdin", "arrow", "--stdout", "arrow", *OPTIONS]
            answer = subprocess.run(command, input=stream.getvalue(), capture_output=True, check=True).stdout
            check(f"and compressed by {codec}", pa.ipc.open_stream(answer).read_all()["log_prob"].to_pylist() == found["binary"])
        # more bytes than pipes hold, both ways: who waits for the other to read waits for ever
        many = pa.table({"image": pa.array(files * 300)})
        with Scorer(OPTIONS) as scorer:
            check("a batch beyond what pipes hold", scorer.table(many, rows=1800)["log_prob"].to_pylist() == found["binary"] * 300)

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
        with Killer(self.folder, "ray::") as killer:
            found = ray_score.scores(rows, *options, workers=2, batch_size=32)
            self.same("Ray Data, killed", pa.concat_tables(ray.get(found.to_arrow_refs())))
        killer.check("Ray Data")
        arrays = np.random.default_rng(2).integers(0, 256, (4, 28, 28), np.uint8)
        found = ray_score.scores(ray.data.from_numpy(arrays).rename_columns({"data": "image"}), *OPTIONS, workers=1).take_all()
        check("Ray Data: its own tensors", all(row["error"] is None for row in found) and len(found) == 4, found)
        print(f"     {self.rows} rows in {seconds[1]:.1f} s by one worker and {seconds[2]:.1f} s by two, their starts among it", flush=True)
        ray.shutdown()

    def spark(self):
        from pyspark.sql import SparkSession
        import spark_score
        # the second number: how often a task is tried
        spark = (SparkSession.builder.master("local[2,4]").appName("tusk").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
                 .config("spark.submit.pyFiles", str(ENGINES / "worker.py")).config("spark.log.level", "ERROR").getOrCreate())
        frame = spark.read.parquet(str(self.input)).repartition(4)
        scores = spark_score.scores(frame, *OPTIONS).toArrow()
        self.same("Spark, local[2]", scores)
        with Killer(self.folder, "pyspark") as killer:
            self.same("Spark, killed", spark_score.scores(frame, *OPTIONS).toArrow())
        killer.check("Spark")
        spark.stop()

    def dask(self):
        import dask
        import dask.dataframe
        import dask_score
        dask.config.set({"dataframe.convert-string": False})
        frame = dask.dataframe.from_pandas(self.table.to_pandas(), npartitions=4)
        with dask.config.set(scheduler="processes", num_workers=2), Killer(self.folder) as killer:
            found = dask_score.scores(frame, *OPTIONS).compute()
        killer.check("Dask")
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
            environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(index), "TUSK_PARTS": "4", "SLURM_CPUS_PER_TASK": "1"}
            subprocess.run([ENGINES / "slurm.sh", images, slurm], env=environment, check=True, stderr=subprocess.DEVNULL)
        merged = b"".join(path.read_bytes() for path in sorted(slurm.iterdir()))
        check("and so are the four of a Slurm array", merged == whole.read_bytes())
        # sbatch --array=1: an array of one task, which is part 1 of 4 all the same
        (slurm / "scores-00001-of-00004.csv").unlink()
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "1", "TUSK_PARTS": "4"}
        subprocess.run([ENGINES / "slurm.sh", images, slurm], env=environment, check=True, stderr=subprocess.DEVNULL)
        merged = b"".join(path.read_bytes() for path in sorted(slurm.iterdir()))
        check("  and so they are where one was missing and is done alone", merged == whole.read_bytes())
        status = subprocess.run([ENGINES / "slurm.sh", self.folder / "none", slurm / "other"], env=environment, check=False, capture_output=True).returncode
        check("  a folder that is not there ends a task with status 42", status == 42, status)

    NAMES = ("columns", "pipes", "arrays", "ray", "spark", "dask")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/tusk")
    parser.add_argument("--only", nargs="+", choices=Engines.NAMES, default=Engines.NAMES)
    parser.add_argument("--rows", type=int, default=1000)
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ENGINES)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as name:
        # a name of its own, by which the processes of this run are known
        program = pathlib.Path(name) / "tusk"
        program.symlink_to(arguments.program.resolve())
        os.environ["TUSK"] = str(program)
        engines = Engines(pathlib.Path(name), arguments.rows)
        for one in arguments.only:
            if one == "spark" and not shutil.which("java"):
                sys.exit("engines: Spark needs Java: scripts/setup.sh conformance installs Debian's")
            getattr(engines, one)()


if __name__ == "__main__":
    main()
