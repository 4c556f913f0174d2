"""The curve of a training: a CSV file as it goes, a plot and points of the model file's record at the end."""

import csv

COLUMNS = ["seconds", "epochs", "train_bits_per_dim", "validation_bits_per_dim"]


def begin(path):
    path.write_text(",".join(COLUMNS) + "\n")


def append(path, *point):
    with open(path, "a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow([f"{value:g}" for value in point])


# Most points of a curve in a model file, which tusk refuses with more.
MOST_POINTS = 256


def points(path):
    """Every point of the file, or as many as a model file may have, evenly chosen, the first and the last among them."""
    with open(path, newline="") as file:
        found = [{column: float(value) for column, value in row.items()} for row in csv.DictReader(file)]
    if len(found) <= MOST_POINTS:
        return found
    return [found[i * (len(found) - 1) // (MOST_POINTS - 1)] for i in range(MOST_POINTS)]


def plot(path, output):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with open(path, newline="") as file:
        points = [{column: float(value) for column, value in row.items()} for row in csv.DictReader(file)]
    drawing, axes = plt.subplots(figsize=(6, 3.2), dpi=110)
    epochs = [point["epochs"] for point in points]
    for column, colour, label in (
            ("train_bits_per_dim", "#2c6fbb", "training"), ("validation_bits_per_dim", "#c0392b", "validation")):
        axes.plot(epochs, [point[column] for point in points], color=colour, linewidth=1.3, marker=".", label=label)
    axes.set_xlabel("epochs", fontsize=8)
    axes.set_ylabel("bits/dim, given the class", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(True, color="#e4e4e4", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    drawing.tight_layout()
    drawing.savefig(output, metadata={"Software": None})
