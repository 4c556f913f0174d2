"""A process of `tusk score` that its owner asks batch by batch, over pipes: what ray_score.py, spark_score.py and dask_score.py share.

Needs pyarrow alone. A batch goes out as an Arrow IPC stream's record batch and its scores come back as one, of as many rows in the same
order. A process that dies is started anew and gets the batch again: scores say nothing of what came before, so nothing is lost and
nothing is there twice.
"""

import os
import subprocess
import tempfile
import threading

import pyarrow as pa

PROGRAM = os.environ.get("TUSK", "tusk")
BAD_INPUT = 42  # what no other try makes sound; all else is tried again


class ScoreError(RuntimeError):
    """The process ended and another try is of no use; the message has what it said."""


class Scorer:
    """Owner of one process.

    options: of `tusk score`, such as ["--model", "animals.safetensors", "--threads", "2"]
    tries: how often a batch is tried before the error is the caller's
    """

    def __init__(self, options=(), program=PROGRAM, tries=3):
        self.command = [program, "score", "--stdin", "arrow", "--stdout", "arrow", *options]
        self.tries = tries
        self.process = None
        self.schema = None

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Scores of a batch, [rows], in its order."""
        for left in reversed(range(self.tries)):
            try:
                return self._ask(batch)
            except (OSError, pa.ArrowInvalid, EOFError) as error:
                status, said = self._end()
                if left == 0 or status == BAD_INPUT:
                    raise ScoreError(f"{self.command[0]} score ended with status {status}: {said or error}") from error
            except BaseException:
                # half a batch may be on its way: the next must not get its answer
                self._end()
                raise

    def _ask(self, batch):
        if self.process and not batch.schema.equals(self.schema, check_metadata=True):
            self.close()
        if not self.process:
            self._start(batch.schema)
        # a pipe holds 64 KiB: who writes all before it reads may wait for one that does the same
        failure = []

        def send():
            try:
                self.writer.write_batch(batch)
                self.process.stdin.flush()
            except (OSError, pa.ArrowInvalid) as error:
                failure.append(error)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            if self.reader is None:
                self.reader = pa.ipc.open_stream(self.process.stdout)
            scores = self.reader.read_next_batch()
        except StopIteration as error:
            raise EOFError("it ended its answers") from error
        finally:
            sender.join(timeout=10)  # of a process that is alive and answers no more, _end() ends it
        if failure:
            raise failure[0]
        if scores.num_rows != batch.num_rows:
            raise EOFError(f"{scores.num_rows} scores of {batch.num_rows} rows")
        return scores

    def _start(self, schema):
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said)
        self.schema = schema
        self.reader = None
        self.writer = pa.ipc.new_stream(self.process.stdin, schema)

    def _end(self):
        """Kills the process; its status and the last lines that it said."""
        process, self.process = self.process, None
        if not process:
            return None, ""
        if process.poll() is None:
            try:
                # it may be about to say why it ends
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                process.kill()
        status = process.wait()
        process.stdout.close()
        try:
            process.stdin.close()
        except OSError:
            pass  # what it did not read
        self.said.seek(0)
        said = self.said.read().decode(errors="replace").strip()
        self.said.close()
        return status, said[-2000:]

    def close(self):
        """Ends the stream and the process."""
        if not self.process:
            return
        try:
            self.writer.close()
            self.process.stdin.close()
        except (OSError, pa.ArrowInvalid):
            pass  # dead already
        self._end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "process", None):
            self._end()

    def table(self, table: pa.Table, rows=256) -> pa.Table:
        """Scores of all rows of a table, in its order, asked for in batches of `rows` at most."""
        batches = [self.score(batch) for batch in table.to_batches(max_chunksize=rows) if batch.num_rows]
        if not batches:
            batches = [self.score(pa.RecordBatch.from_pylist([], schema=table.schema))]
        return pa.Table.from_batches(batches)
