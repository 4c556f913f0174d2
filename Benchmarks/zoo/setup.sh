#!/bin/sh
# Brings the data sets of the model zoo: Fashion-MNIST from Debian, the animal shapes from PyPI. Needs Benchmarks/setup.sh first.
set -eu
cd "$(dirname "$0")/../.."
scripts/setup.sh zoo
shapes=runs/data/animal-shapes
[ -e $shapes/test-labels-idx1-ubyte.gz ] && exit 0
package=$(mktemp -d)
trap 'rm -r "$package"' EXIT
# without its dependencies: only the file of images in it is read
.venv/bin/pip download --quiet --no-deps --dest "$package" animal-shape-mnist==0.39
.venv/bin/python -m Benchmarks.zoo.animal_shapes --package "$package"/*.whl --output $shapes
