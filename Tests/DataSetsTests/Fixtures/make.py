"""Small data sets by the programs that people have: numpy 2.4.6, webdataset 1.0.2, datasets 5.2.0 with pyarrow 26.0.1, scikit-learn 1.9.1,
Pillow 13.0.0. Usage: python make.py, in this folder.

Image number i has the one value 10·i + 5 in its upper rows and 0 in its last one; its label is i mod 3. There are 20."""
import io, os, shutil, tempfile
import numpy as np
from PIL import Image
import webdataset, datasets, sklearn.datasets

IMAGES = np.stack([np.repeat([[10 * i + 5]] * 4 + [[0]], 6, axis=1) for i in range(20)]).astype(np.uint8)
LABELS = np.arange(20) % 3


def png(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


parts = {"train": slice(0, 10), "val": slice(10, 15), "test": slice(15, 20)}
# MedMNIST's layout: medmnist.dataset reads npz_file["train_images"], npz_file["train_labels"] of shape [N, 1]
np.savez_compressed("medmnist.npz", **{f"{n}_labels": LABELS[s, None].astype(np.uint8) for n, s in parts.items()},
                    **{f"{n}_images": IMAGES[s] for n, s in parts.items()})
np.savez("keras.npz", x_train=IMAGES[:12], x_test=IMAGES[12:], y_train=LABELS[:12], y_test=LABELS[12:])
np.savez("one.npz", IMAGES)
np.savez("two.npz", IMAGES, LABELS.astype(np.int32))
np.savez("fortran.npz", data=np.asfortranarray(np.stack([IMAGES] * 3, axis=1).astype(">i4")), target=LABELS[:, None])
np.savez("several-labels.npz", images=IMAGES, labels=np.eye(20, 4, dtype=np.int8), names=np.array(["a", "b"]), mean=np.zeros(2))
for name, write in (("piped", np.savez), ("piped-packed", np.savez_compressed)):
    # what cannot be gone back in has the lengths behind each array
    read, end = os.pipe()
    with os.fdopen(end, "wb") as out, os.fdopen(read, "rb") as pipe, open(f"{name}.npz", "wb") as file:
        write(out, x_train=IMAGES[:12], x_test=IMAGES[12:], y_train=LABELS[:12].astype(np.uint8), y_test=LABELS[12:].astype(np.uint8))
        out.close()
        file.write(pipe.read())
digits = sklearn.datasets.load_digits(n_class=3)
np.savez_compressed("digits.npz", data=digits.data[:20], images=digits.images[:20], target=digits.target[:20])

for name, rows in (("train", range(0, 12)), ("val", range(12, 20))):
    with webdataset.ShardWriter(f"wds-{name}-%06d.tar.gz", maxcount=6) as out:
        for i in rows:
            out.write({"__key__": f"{i:04d}", "png": png(IMAGES[i]), "cls": int(LABELS[i]), "txt": "a caption"})
with webdataset.TarWriter("wds-json.tar.gz") as out:
    for i in range(20):
        out.write({"__key__": f"a.b/{i:04d}", "png": png(IMAGES[i]), "json": {"label": ["cat", "dog", "emu"][LABELS[i]], "id": {"x": [i]}}})

features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog", "emu"]), "note": datasets.Value("string")})
rows = {"image": [{"bytes": png(i), "path": None} for i in IMAGES], "label": LABELS.tolist(), "note": ["x"] * 20}
with tempfile.TemporaryDirectory() as folder:
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(folder, num_shards=2)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".arrow"):
            shutil.copy(os.path.join(folder, name), name)
