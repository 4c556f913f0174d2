"""Images on the device: noise, logits, and what a training changes in them. Levels are floats, `[n, height, width]`."""

import math

import torch
from torch.nn import functional

from .units import LEVELS


def to_logits(levels, noise, alpha):
    """w = logit(α + (1 − 2α)(levels + noise)/256) and the log-det per image, nats, as the peers' but in the precision given."""
    s = alpha + (1 - 2 * alpha) * (levels + noise) / LEVELS
    log_s, log_rest = torch.log(s), torch.log1p(-s)
    log_det = levels[0].numel() * math.log1p(-2 * alpha) - (log_s + log_rest).flatten(1).sum(1)
    return log_s - log_rest, log_det


def moved(images, flips, shift):
    """Mirrored with probability ½ where there are `flips`, then moved by up to `shift` pixels, black filled in."""
    count, height, width = images.shape
    device = images.device

    def offsets():
        return torch.randint(-shift, shift + 1, (count, 1, 1), device=device)

    rows = torch.arange(height, device=device)[None, :, None] + offsets()
    columns = torch.arange(width, device=device)[None, None, :] + offsets()
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    if flips:
        columns = torch.where(torch.rand(count, 1, 1, device=device) < 0.5, width - 1 - columns, columns)
    each = torch.arange(count, device=device)[:, None, None]
    return images[each, rows.clamp(0, height - 1), columns.clamp(0, width - 1)] * inside


def warped(images, share, amount):
    """`images`, of which a fraction `share` has other shapes: turned, stretched, slanted and moved, each by about `amount` of the
    image's half, and at most twice that; drawn four times as fine, so that their edges are as sharp as before."""
    count, height, width = images.shape
    device, fine, contrast = images.device, 4, 3

    def by(scale=1.0):
        return scale * amount * torch.randn(count, device=device).clamp(-2, 2)

    theta = torch.stack([1 + by(), by(), by(0.5), by(), 1 + by(), by(0.5)], -1).reshape(-1, 2, 3)
    grid = functional.affine_grid(theta, (count, 1, fine * height, fine * width), align_corners=False)
    seen = functional.grid_sample(images[:, None], grid, mode="bilinear", align_corners=False)
    middle = (LEVELS - 1) / 2
    seen = ((seen - middle) * contrast + middle).clamp(0, LEVELS - 1)
    seen = functional.avg_pool2d(seen, fine)[:, 0].round()
    return torch.where(torch.rand(count, 1, 1, device=device) < share, seen, images)
