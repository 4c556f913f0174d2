#!/usr/bin/env bash
# polars 2.1.0 and pyarrow 26.0.1 (PyPI), Python 3.11, Linux: the stream inside an Arrow IPC file of polars cannot be read as a stream.
#
# Expected: the Arrow columnar format, "IPC File Format", says that a file is the magic ARROW1 and padding, then the streaming format, then
# a footer; so who reads a file from a pipe skips 8 bytes and reads a stream. A file of pyarrow is read so.
# Seen: in a file that DataFrame.write_ipc writes, the first message, the schema, has no length in front of it. The footer says where all
# other messages are, so readers that seek do not notice; one that reads on takes the first bytes of the schema for a length, and finds
# no message. Such files can only be read by name.
#
# Installs the packages in a temporary folder and writes and reads a table of three numbers. Fails when what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import io
import sys

import polars
import pyarrow
import pyarrow.ipc

folder = sys.argv[1]
table = pyarrow.table({"label": [1, 2, 3]})
with pyarrow.ipc.new_file(f"{folder}/pyarrow.arrow", table.schema) as writer:
    writer.write_table(table)
polars.DataFrame({"label": [1, 2, 3]}).write_ipc(f"{folder}/polars.arrow", compression="uncompressed")


def rows(name, how):
    with open(f"{folder}/{name}.arrow", "rb") as file:
        data = file.read()
    assert data[:6] == b"ARROW1"
    try:
        if how == "file":
            return pyarrow.ipc.open_file(io.BytesIO(data)).read_all().num_rows
        return pyarrow.ipc.open_stream(io.BytesIO(data[8:])).read_all().num_rows
    except (pyarrow.ArrowException, OSError) as error:
        return type(error).__name__


seen = {(name, how): rows(name, how) for name in ("pyarrow", "polars") for how in ("file", "stream")}
for key, value in seen.items():
    print(*key, value)
assert seen["pyarrow", "file"] == 3 and seen["pyarrow", "stream"] == 3
assert seen["polars", "file"] == 3 and seen["polars", "stream"] != 3
PYTHON
echo "as described"
