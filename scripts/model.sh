#!/usr/bin/env bash
# Trains the default model again and remakes what stands beside it. `make model DATA=<folder of animal-shapes>`.
# Continues from its checkpoint after Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?the folder with the animal shapes as IDX files: make model DATA=path}
program=.build/release/tusk
mkdir -p runs
"$program" train --data "$data" --class 5 --class-name elephant --name elephants \
    --architecture coupling --layers 12 --hidden 256,256 --alpha 3e-4 \
    --flips --shift 2 --batch 64 --learning-rate 1e-3 --weight-decay 0.1 --ema 0.998 \
    --epochs 100000 --seconds 1080 --threads 1 --precision float16 --resume \
    --output runs/elephants.safetensors
"$program" evaluate --model runs/elephants.safetensors --data "$data" --class 5 --split test
"$program" sample --model runs/elephants.safetensors --count 64 --seed 1 --output runs/elephants-samples.png \
    --beside "$data" --class 5 --split test
cp runs/elephants.safetensors runs/elephants-samples.png Models/
cp runs/elephants.png Models/elephants-curve.png
cp runs/elephants.csv Models/elephants-curve.csv
echo "Models/ is up to date; make build puts the model into the program"
