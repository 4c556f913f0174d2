#!/usr/bin/env bash
# Scores a folder of images as a Slurm array: sbatch slurm.sh IMAGES SCORES [OPTIONS OF TUSK SCORE]
# A task takes the part of its number. One that failed for a while (status 75) is put back into the queue; input that no other try makes sound (42)
# ends it. The files of SCORES one behind the other, by name, are what one run would write. What is there is not done again: the same line again does
# what is missing, and so does --array=3,7 for those parts alone.
#SBATCH --job-name=tusk-score
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --requeue
set -euo pipefail
# Those of --array above. Not SLURM_ARRAY_TASK_COUNT, which is 2 of --array=3,7.
parts=${TUSK_PARTS:-16}
images=$1 scores=$2
shift 2
mkdir -p "$scores"
status=0
"${TUSK:-tusk}" score "$images" --shard "/$parts" --threads "${SLURM_CPUS_PER_TASK:-2}" --format csv --output "$scores/scores-{shard}.csv" "$@" || status=$?
if [ "$status" = 75 ] && [ -n "${SLURM_JOB_ID:-}" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
