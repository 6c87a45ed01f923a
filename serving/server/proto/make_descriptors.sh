#!/usr/bin/env bash
# Makes descriptors.binpb, which server reflection answers with, of the files beside it: make_descriptors.sh
# [FILE]. PEERS_PYTHON has grpcio-tools.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"${PEERS_PYTHON:-python3}" -m grpc_tools.protoc --proto_path="$here" --descriptor_set_out="${1:-$here/descriptors.binpb}" \
  health.proto inference.proto reflection_v1.proto reflection_v1alpha.proto
