#!/usr/bin/env bash
# Trains the default model again and remakes what stands beside it: `make model DATA=<folder of animal-shapes>`. On a GPU, for
# which the program has no code; what the program itself trains to is in docs/measurements/model-zoo.md, with the commands.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?the folder with the animal shapes as IDX files: make model DATA=path}
program=.build/release/tusk
names=()
for name in bear bird cat cow dog elephant giraffe horse sheep zebra; do names+=(--class-name "$name"); done
mkdir -p runs
# Sixteen blocks of 64 channels, and a belief, so that the density without a class takes one pass. Elephants are shown three
# times as often as the others; the prior stays a tenth.
.venv/bin/python -m Training.torch.train --data "$data" --name animals "${names[@]}" \
    --hidden "$(printf '64,%.0s' {1..15})64" --belief 32,32,32,32 --bins 12 --tail-bound 6 --alpha 1e-5 \
    --flips --shift 1 --warp 0.06 --dropout 0.1 --repeat elephant=3 --batch 128 --lr 1e-3 --seconds 390 \
    --watch elephant --file-precision float16 --output runs/uncalibrated.safetensors
"$program" calibrate --model runs/uncalibrated.safetensors --data "$data" --output runs/animals.safetensors --overwrite
"$program" evaluate --model runs/animals.safetensors --data "$data" --split test
"$program" evaluate --model runs/animals.safetensors --data "$data" --split test --class 5 --samples 200
"$program" sample --model runs/animals.safetensors --class elephant --count 64 --seed 1 \
    --output runs/animals-elephants.png --beside "$data" --split test
"$program" sample --model runs/animals.safetensors --class elephant --count 64 --seed 1 --temperature 0.9 \
    --output runs/animals-elephants-0.9.png
"$program" sample --model runs/animals.safetensors --count 64 --seed 1 --output runs/animals-samples.png \
    --beside "$data" --split test
cp runs/animals.safetensors runs/animals-elephants.png runs/animals-elephants-0.9.png runs/animals-samples.png Models/
cp runs/uncalibrated.png Models/animals-curve.png
cp runs/uncalibrated.csv Models/animals-curve.csv
echo "Models/ is up to date; make build puts the model into the program"
