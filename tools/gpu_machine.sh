#!/usr/bin/env bash
# Builds ringtrain on a machine that has a GPU, PyTorch, a compiler, CMake and ninja, but neither network nor root, and runs there what needs a GPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: tools/gpu_machine.sh PACKAGES [unpack] [build] [tests] [bench]

PACKAGES is a folder that `tools/offline_dependencies.py pack PACKAGES` filled where there is a network. Without further words all four are done:

  unpack  the packages, below build/offline
  build   the command, the tests with the label gpu, the benches
  tests   ctest -L gpu
  bench   bench/run.sh --only step_time, the models for GPUs, on as many ranks as there are GPUs
TEXT
}

if [[ $# -eq 0 || "$1" == -h || "$1" == --help ]]; then
  usage
  exit 0
fi
packages=$1
shift
if (($# == 0)); then set -- unpack build tests bench; fi

echo "$(date -u +%F) ringtrain ${RINGTRAIN_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || true)} $(nproc) cores"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
for step in "$@"; do
  echo "== $step ($(date -u +%T))"
  if [[ "$step" == unpack ]]; then
    python3 tools/offline_dependencies.py unpack "$packages" build/offline
    continue
  fi
  # shellcheck disable=SC1091
  . build/offline/environment.sh
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  case "$step" in
    build)
      cmake --preset release -DRINGTRAIN_SERVER=OFF -DRINGTRAIN_WARNINGS_AS_ERRORS=OFF "-DRINGTRAIN_PEERS_PYTHON=$(command -v python3)"
      cmake --build --preset release --target ringtrain ringtrain_nccl nccl_test bench_step_time
      ;;
    tests) ctest --preset release -L '^gpu$' --verbose ;;
    bench) PEERS_PYTHON=$(command -v python3) bench/run.sh --only step_time --case gpt_small_gpu --case resnet50 --case gpt2_124m --rounds 4 \
             --ranks "$(nvidia-smi --list-gpus | wc -l)" ;;
    *) echo "tools/gpu_machine.sh: unknown step '$step'" >&2; usage >&2; exit 2 ;;
  esac
done
