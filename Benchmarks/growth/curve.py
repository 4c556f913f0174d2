"""A curve: what something takes against how much of it there is, and how fast that grows."""

import dataclasses
import math


@dataclasses.dataclass
class Curve:
    """Points `(x, y)`, `y` in `unit`, one for each of `xs`; `work` is how fast the work itself grows, as a power of `x`."""

    key: str
    title: str
    x: str  # what is counted along the axis
    unit: str
    work: float
    why: str  # what the work is, and why more is right where more is measured
    points: list = dataclasses.field(default_factory=list)

    def add(self, x, y):
        self.points.append((x, y))

    def exponent(self):
        """The power of `x` that `y` grows with, by least squares on logarithms, and its standard error; of the upper half of the points, of
        at least three, since below them the fixed costs show. None where there are too few, or one is not above 0."""
        kept = sorted(self.points)[-max(3, (len(self.points) + 1) // 2):]
        if len(kept) < 3 or any(y <= 0 for _, y in kept):
            return None
        xs, ys = [math.log(x) for x, _ in kept], [math.log(y) for _, y in kept]
        mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
        spread = sum((x - mean_x) ** 2 for x in xs)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread
        rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys))
        return slope, math.sqrt(rest / (len(kept) - 2) / spread)

    def grows_faster(self):
        """Whether the exponent is above the work's by more than two standard errors and a tenth."""
        fitted = self.exponent()
        return fitted is not None and fitted[0] > self.work + max(0.1, 2 * fitted[1])
