#!/usr/bin/env bash
# Trains the default model again and remakes what stands beside it. `make model DATA=<folder of animal-shapes>`.
# Continues from its checkpoint after Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?the folder with the animal shapes as IDX files: make model DATA=path}
program=.build/release/tusk
names=()
for name in bear bird cat cow dog elephant giraffe horse sheep zebra; do names+=(--class-name "$name"); done
mkdir -p runs
# Eight blocks first, then sixteen that begin where those ended, elephants three times as often as the others.
"$program" train --data "$data" --conditional --name animals "${names[@]}" \
    --architecture nsf-convolutional --layers 1 --hidden 32,32,32,32,32,32,32,32 --kernel 5 --gated \
    --bins 12 --tail-bound 6 --alpha 1e-5 --flips --shift 1 --batch 32 --learning-rate 1e-3 \
    --epochs 10000 --seconds 5400 --threads 1 --precision float16 --resume \
    --output runs/animals-8.safetensors
"$program" finetune --model runs/animals-8.safetensors --add-blocks 8 --data "$data" --name animals --repeat elephant=3 \
    --flips --shift 1 --batch 32 --learning-rate 7e-4 --warmup-steps 500 \
    --epochs 10000 --seconds 6640 --threads 2 --precision float16 --resume \
    --output runs/animals.safetensors
"$program" evaluate --model runs/animals.safetensors --data "$data" --split test
"$program" evaluate --model runs/animals.safetensors --data "$data" --split test --class 5 --samples 200
"$program" sample --model runs/animals.safetensors --class elephant --count 64 --seed 1 \
    --output runs/animals-elephants.png --beside "$data" --split test
"$program" sample --model runs/animals.safetensors --class elephant --count 64 --seed 1 --temperature 0.9 \
    --output runs/animals-elephants-0.9.png
"$program" sample --model runs/animals.safetensors --count 64 --seed 1 --output runs/animals-samples.png \
    --beside "$data" --split test
cp runs/animals.safetensors runs/animals-elephants.png runs/animals-elephants-0.9.png runs/animals-samples.png Models/
cp runs/animals.png Models/animals-curve.png
cp runs/animals.csv Models/animals-curve.csv
cp runs/animals-8.png Models/animals-8-curve.png
cp runs/animals-8.csv Models/animals-8-curve.csv
echo "Models/ is up to date; make build puts the model into the program"
