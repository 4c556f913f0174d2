#!/usr/bin/env bash
# zuko 1.4.1 and 1.5.0: a MAF's state dict saved by one loads strictly into the other, and is another density there.
#
# Guess: a state dict that loads without a missing or an unexpected key is the same flow.
# Seen: keys and shapes are the same, but the bound of the log-scales is not among them. It is |ln slope|, whose default went from 1e-4 (1.1.0 to 1.4.1)
# to 1e-3 (1.5.0): of five rows the log-densities of a small flow differ by 0.04 to 405 nats, without an error or a warning.
# Who moves a checkpoint over that version has to pass the map with slope=1e-4 by hand. Who reads one cannot know which it was.
#
# Installs the packages in a temporary folder, saves and loads one small flow. Fails when what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "torch==2.15.0" numpy
for version in 1.4.1 1.5.0; do
    "$folder/venv/bin/pip" install --quiet --no-deps --target "$folder/$version" "zuko==$version"
done

cat > "$folder/flow.py" <<'PYTHON'
import functools
import sys

import torch
import zuko

path, *options = sys.argv[1:]
univariate = functools.partial(zuko.transforms.MonotonicAffineTransform, **({"slope": float(options[0])} if options else {}))
flow = zuko.flows.MAF(4, transforms=2, hidden_features=(16,), univariate=univariate)
torch.manual_seed(1)
x = torch.randn(5, 4)
try:
    flow.load_state_dict(torch.load(path), strict=True)
except FileNotFoundError:
    # log-scales of some nats
    with torch.no_grad():
        for values in flow.parameters():
            values.copy_(0.5 * torch.randn_like(values))
    torch.save(flow.state_dict(), path)
print(" ".join(f"{value:.3f}" for value in flow().log_prob(x).tolist()))
PYTHON

run() { PYTHONPATH="$folder/$1" "$folder/venv/bin/python" -W ignore "$folder/flow.py" "$folder/maf.pt" "${@:2}"; }
saved=$(run 1.4.1)
same=$(run 1.4.1)
newer=$(run 1.5.0)
told=$(run 1.5.0 1e-4)
echo "zuko 1.4.1, saved:                $saved"
echo "zuko 1.4.1, loaded:               $same"
echo "zuko 1.5.0, loaded strictly:      $newer"
echo "zuko 1.5.0, with slope=1e-4:      $told"
[ "$saved" = "$same" ] || { echo "1.4.1 does not load what it saved" >&2; exit 1; }
[ "$saved" != "$newer" ] || { echo "the densities are the same now" >&2; exit 1; }
[ "$saved" = "$told" ] || { echo "slope=1e-4 does not give the old density back" >&2; exit 1; }
