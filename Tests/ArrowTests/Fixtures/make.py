"""Arrow files and streams by the programs that people have: pyarrow 26.0.1, datasets, polars.
Usage: python make.py, in this folder."""
import glob, io, json, os, shutil, tempfile
import numpy as np
import pyarrow as pa
import pyarrow.feather
import datasets, polars
from PIL import Image

print({m.__name__: m.__version__ for m in (pa, datasets, polars)})


def png(value):
    out = io.BytesIO()
    Image.fromarray(np.full((2, 3), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


PICTURES = [png(10 * i) for i in range(5)]
LABELS = [0, 1, 1, -1, 0]


def rows():
    return [{"bytes": p, "path": f"{i}.png"} for i, p in enumerate(PICTURES)]


def write(name, table, make=pa.ipc.new_stream, batch=2, **options):
    with open(name, "wb") as file:
        with make(file, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
            out.write_table(table, max_chunksize=batch)


# as the library of data sets leaves them in its cache and saves them
features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"]), "size": datasets.Value("int32")})
with tempfile.TemporaryDirectory() as folder:
    set = datasets.Dataset.from_dict({"image": rows(), "label": LABELS, "size": [2] * 5}, features=features)
    set.save_to_disk(folder)
    shutil.copy(glob.glob(folder + "/*.arrow")[0], "datasets.arrow")

struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
large = pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])
nulls = rows()
nulls[1] = None
nulls[2] = {"bytes": None, "path": "elsewhere.png"}
names = ["cat", "dog", "dog", None, "cat"]
write("file.arrow", pa.table({"image": pa.array(rows(), struct), "label": pa.array(names)}), pa.ipc.new_file)
write("large.arrow", pa.table({"extra": pa.array([[1, 2]] * 5), "image": pa.array(nulls, large), "label": pa.array(names, pa.large_string())}))
write("dictionary.arrow", pa.table({"img": pa.array(PICTURES, pa.binary()), "class": pa.array(names).dictionary_encode()}))
write("integers.arrow", pa.table({"img": pa.array(PICTURES, pa.binary()), "u8": pa.array([0, 1, 255, None, 4], pa.uint8()),
                                  "i16": pa.array([0, -1, 300, None, 4], pa.int16()), "yes": pa.array([True, False, True, None, False])}))
# of one set in two batches, long and short buffers, some stored since they become no shorter, and a dictionary: as it is, and by each coding
mixed = pa.table({"image": pa.array(nulls, struct), "class": pa.array(names).dictionary_encode(), "label": pa.array(LABELS, pa.int64()),
                  "text": pa.array(["a long text that repeats " * 40] * 5)})
write("plain.arrow", mixed, pa.ipc.new_file, batch=3)
write("lz4.arrow", mixed, batch=3, compression="lz4")
write("zstd.arrow", mixed, pa.ipc.new_file, batch=3, compression="zstd")
pa.feather.write_feather(mixed, "feather.arrow", chunksize=3)
write("empty.arrow", pa.table({"image": pa.array([], struct)}))
write("sliced.arrow", pa.table({"image": pa.array(rows(), struct), "label": pa.array(LABELS)}).slice(2, 3))
polars.DataFrame({"image": PICTURES, "label": names}).write_ipc("views.arrow", compression="uncompressed")
for codec in ("lz4", "zstd"):
    polars.DataFrame({"image": PICTURES, "label": names}).write_ipc(f"views-{codec}.arrow", compression=codec)
with open("expected.json", "w") as file:
    json.dump([list(p) for p in PICTURES], file)
