"""What the model zoo trains: one table, from which our options and the peer's sizes both come.

An entry is a flow on a data set. `peer` names a library and one of its flows (`PEERS` in peer.py); it gets the same number of
layers, the same hidden sizes, the same images, batch, flips, shifts, noise, logit alpha, learning rate, average and time.
"""

import dataclasses

MINUTE, HOUR = 60, 3600


@dataclasses.dataclass(frozen=True)
class DataSet:
    title: str
    shape: tuple  # height, width, channels
    folder: str  # where `make zoo-setup` has it


DATA = {
    "animal-shapes": DataSet("animal shapes", (28, 28, 1), "runs/data/animal-shapes"),
    "fashion-mnist": DataSet("Fashion-MNIST", (28, 28, 1), "/usr/share/datasets/fashion-mnist"),
}


# Sizes of the transforms that have some, by what the architectures' names begin with: field of an entry, which is the option of
# `tusk train` with hyphens, and its words in tables, if it has any.
TRANSFORMS = {
    "nsf": {"bins": "{} bins", "tail_bound": None},
    "mixture": {"components": "{} components"},
}


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    architecture: str
    layers: int
    hidden: list
    # of flows of images
    image: bool = False
    scales: int = 2
    kernel: int = 3
    gated: bool = False
    # of splines
    bins: int = 8
    tail_bound: float = 6.0
    # of mixtures of logistics: 7 have as many parameters as a spline of 8 bins
    components: int = 7
    conditional: bool = False
    # training
    data: str = "animal-shapes"
    seconds: float = 40 * MINUTE  # of the processors
    seed: int = 1
    batch: int = 128
    alpha: float = 1e-5
    flips: bool = True
    shift: int = 1
    lr: float = 1e-3
    ema: float = 0.999
    peer: str = ""  # "library flow"
    note: str = ""

    @property
    def shape(self):
        return DATA[self.data].shape

    @property
    def dims(self):
        height, width, channels = self.shape
        return height * width * channels

    @property
    def is_spline(self):
        return self.architecture.startswith("nsf")

    @property
    def transform_sizes(self):
        """Field → words of the sizes that its transform has."""
        return TRANSFORMS.get(self.architecture.split("-")[0], {})

    @property
    def is_multiscale(self):
        return self.architecture == "realnvp" or self.architecture.endswith("glow")

    def sizes(self):
        """In words, for tables."""
        hidden = ", ".join(map(str, self.hidden))
        parts = [f"{self.layers} × ({hidden})"]
        if self.is_multiscale:
            parts.append(f"{self.scales} scales")
        parts += [words.format(getattr(self, field)) for field, words in self.transform_sizes.items() if words]
        if self.image:
            parts.append(f"kernel {self.kernel}")
        if self.gated:
            parts.append("gated")
        return ", ".join(parts)

    def options(self, seconds):
        """`tusk train`'s, but for the files."""
        words = ["--architecture", self.architecture, "--layers", self.layers,
                 "--hidden", ",".join(map(str, self.hidden))]
        if self.is_multiscale:
            words += ["--scales", self.scales]
        if self.image:
            words += ["--kernel", self.kernel, *(["--gated"] if self.gated else [])]
        for field in self.transform_sizes:
            words += [f"--{field.replace('_', '-')}", getattr(self, field)]
        if self.conditional:
            words += ["--conditional"]
        words += ["--alpha", self.alpha, *(["--flips"] if self.flips else []), "--shift", self.shift,
                  "--batch", self.batch, "--learning-rate", self.lr, "--ema", self.ema, "--seed", self.seed,
                  "--epochs", 1_000_000, "--seconds", f"{seconds:g}", "--clock", "processor"]
        return [str(word) for word in words]


FASHION = {"data": "fashion-mnist", "flips": False, "shift": 0, "alpha": 1e-6}

# Splines of vectors: in 30 s of one core zuko's did as well as nflows' or better (validation 2.623 against 2.665, coupling, and
# 2.904 against 2.905, autoregressive; batches of 64). On images nflows' couplings did better with its own network, at as many
# multiply-adds, than with ours: 2.715 against 2.760 (Glow with 2 steps a scale, batches of 32).
ENTRIES = [
    Entry("nice", "nice", 12, [256, 256], peer="zuko nice"),
    Entry("coupling", "coupling", 12, [256, 256], peer="zuko coupling"),
    Entry("realnvp", "realnvp", 2, [64, 64], image=True, peer="nflows realnvp"),
    Entry("glow", "glow", 8, [64, 64], image=True, peer="nflows glow"),
    Entry("maf", "maf", 5, [512, 512], peer="zuko maf"),
    Entry("iaf", "iaf", 2, [256, 256], peer="normflows iaf",
          note="a density of normflows takes 784 passes of each network, and its gradient goes through all of them: about 24 s "
          "of one core and 7.5 GB a step"),
    Entry("nsf-coupling", "nsf-coupling", 4, [128, 128], peer="zuko nsf-coupling"),
    Entry("mixture-coupling", "mixture-coupling", 4, [128, 128]),
    Entry("nsf-autoregressive", "nsf-autoregressive", 2, [128, 128], peer="zuko nsf-autoregressive"),
    Entry("nsf-glow", "nsf-glow", 4, [64, 64], image=True, batch=64, peer="nflows nsf-glow"),
    Entry("nsf-convolutional", "nsf-convolutional", 1, [32] * 8, image=True, kernel=5, gated=True, bins=12, batch=32),
    Entry("nsf-autoregressive-conditional", "nsf-autoregressive", 2, [128, 128], conditional=True,
          note="a density for each animal; the figure is that of their mixture"),
    Entry("fashion-nsf-convolutional", "nsf-convolutional", 1, [32] * 8, image=True, kernel=5, gated=True, bins=16,
          batch=32, seconds=2 * HOUR, **FASHION),
    Entry("fashion-nsf-glow", "nsf-glow", 6, [64, 64], image=True, gated=True, batch=32, seconds=16 * HOUR, **FASHION),
]


@dataclasses.dataclass(frozen=True)
class Published:
    model: str
    bits_per_dim: float
    source: str
    from_memory: bool


# Of Fashion-MNIST's test images. There is no figure that all agree upon: benchmarks of flows rarely have this set.
PUBLISHED = [
    Published("RealNVP", 2.85, "Meng et al., *Gaussianization Flows* (2020), arXiv:2003.01941", True),
    Published("Glow", 2.95, "Meng et al. (2020)", True),
    Published("Glow", 2.958, "Nalisnick et al., *Do Deep Generative Models Know What They Don't Know?* (2019), "
              "arXiv:1810.09136", True),
    Published("Glow, 69.4 M parameters", 3.1408, "Kirichenko et al. (2020), output of the notebook in "
              "PolinaKirichenko/flows_ood", False),
    Published("Gaussianization flow", 3.35, "Meng et al. (2020)", True),
    Published("MADE", 4.18, "Meng et al. (2020)", True),
]


def named(name):
    return next(entry for entry in ENTRIES if entry.name == name)
