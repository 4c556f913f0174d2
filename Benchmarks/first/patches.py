"""Patches of photographs and of textures, as a first training meets them: NPY arrays of three splits.

    .venv/bin/python -m Benchmarks.first.patches --output runs/first

`photographs`: 32×32, colour, from five photographs that the packages scikit-image and scikit-learn have in them. `textures`: 64×64,
grey, from the brick, grass and gravel of scikit-image. Each picture is cut into cells, and a cell's patches, drawn at random within it, are
all of one split: no pixel of a held-out patch was ever trained on.
"""

import argparse
import io
import pathlib

import numpy as np
import skimage
import sklearn
from PIL import Image

PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "china.jpg", "coffee.png", "rocket.jpg"]
TEXTURES = ["brick.png", "grass.png", "gravel.png"]
FOLDERS = [
    pathlib.Path(skimage.__file__).parent / "data", pathlib.Path(sklearn.__file__).parent / "datasets" / "images"]
# of every 10 cells
SPLIT_OF_CELL = ["train"] * 8 + ["validation", "test"]
COUNTS = {"train": 2500, "validation": 250, "test": 250}


def picture(name, mode):
    path = next(folder / name for folder in FOLDERS if (folder / name).exists())
    with Image.open(path) as image:
        return np.asarray(image.convert(mode))


def cells(pictures, side, random):
    """Every cell's corner and picture, by split."""
    found = {split: [] for split in COUNTS}
    for pixels in pictures:
        corners = [
            (y, x) for y in range(0, pixels.shape[0] - side + 1, side)
            for x in range(0, pixels.shape[1] - side + 1, side)]
        for i, place in enumerate(random.permutation(len(corners))):
            found[SPLIT_OF_CELL[i % len(SPLIT_OF_CELL)]].append((pixels, *corners[place]))
    return found


def patches(pictures, side, cell, seed):
    """`side`×`side` patches of each split, `[N, side, side]` or `[N, side, side, 3]`."""
    random = np.random.default_rng(seed)
    found = cells(pictures, cell, random)

    def one(split):
        pixels, y, x = found[split][random.integers(len(found[split]))]
        y, x = y + random.integers(cell - side + 1), x + random.integers(cell - side + 1)
        return pixels[y:y + side, x:x + side]

    return {split: np.stack([one(split) for _ in range(count)]) for split, count in COUNTS.items()}


def file_bits(images, kind, **options):
    """Mean bits per dimension of whole files of these images."""
    sizes = []
    for pixels in images:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, **options)
        sizes.append(len(file.getvalue()))
    return 8 * np.mean(sizes) / images[0].size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    output = parser.parse_args().output
    sets = {
        "photographs": patches([picture(name, "RGB") for name in PHOTOGRAPHS], side=32, cell=64, seed=0),
        "textures": patches([picture(name, "L") for name in TEXTURES], side=64, cell=128, seed=0),
    }
    for name, splits in sets.items():
        (output / name).mkdir(parents=True, exist_ok=True)
        for split, images in splits.items():
            np.save(output / name / f"{split}.npy", images)
        test = splits["test"]
        print(
            f"{name}: {', '.join(f'{len(images):,} {split}' for split, images in splits.items())}; test as files: "
            f"PNG {file_bits(test, 'PNG', optimize=True):.2f}, "
            f"WebP {file_bits(test, 'WEBP', lossless=True, quality=100, method=6):.2f} bits/dim")


if __name__ == "__main__":
    main()
