#!/usr/bin/env bash
# From a clone to a trained and served model: installs what is missing, builds ringtrain, trains the card-fraud classifier
# on two ranks, and predicts with what was exported. Safe to run again: only the job folder jobs/quickstart is made anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

data=datasets/fraud_synthetic.csv
job=jobs/quickstart

# step TITLE SHORT: begins a step, and says how long the one before took.
account=() title="" began=$SECONDS
took() {
  if [[ -z "$title" ]]; then return; fi
  account+=("$(printf '  %4d s  %s' $((SECONDS - began)) "$title")")
  printf -- '-- %d s\n' $((SECONDS - began))
}
step() {
  took
  printf '\n== %s\n' "$1"
  title=$2 began=$SECONDS
}

step "1/5 what ringtrain is built with" "packages and libraries"
tools/bootstrap.sh

step "2/5 building ringtrain (about 5 minutes the first time on two cores)" "building"
tools/configure.sh release
export NINJA_STATUS="[%f/%t, %e s] "
cmake --build --preset release --target ringtrain
ringtrain=build/release/bin/ringtrain
"$ringtrain" --version

step "3/5 data: synthetic card transactions in the layout of the public creditcard.csv" "data"
if [[ -e "$data" ]]; then
  echo "$data is already there"
else
  "$ringtrain" generate fraud --rows 100000 --seed 7 --output "$data"
fi

step "4/5 training on two ranks" "training and exporting"
"$ringtrain" train configs/fraud.yaml --ranks 2 --train-file "$data" --job-dir "$job" --overwrite

step "5/5 predicting three transactions with the exported model" "predicting"
# Two genuine ones and a fraud, written as JSON objects without their class.
python3 - "$data" "$job/instances.json" <<'PYTHON'
import csv, json, sys
wanted = ["0", "0", "1"]
with open(sys.argv[1], newline="") as table, open(sys.argv[2], "w") as instances:
    for row in csv.DictReader(table):
        label = row.pop("Class")
        if label in wanted:
            wanted.remove(label)
            instances.write(json.dumps({name: float(value) for name, value in row.items()}) + "\n")
            print(f"{sys.argv[2]}: a transaction of class {label}")
        if not wanted:
            break
PYTHON
"$ringtrain" predict "$job/export/fraud" --json-instances "$job/instances.json"
took

printf '\nHow long it took:\n'
printf '%s\n' "${account[@]}"
printf '  %4d s  in all\n' "$SECONDS"
cat <<TEXT

It works. What to type next:

  export PATH="\$PWD/build/release/bin:\$PATH"
  ringtrain train configs/fraud.yaml --ranks 2 --train-file creditcard.csv     the real file, if you have it
  ringtrain train configs/fraud.yaml --ranks 2 --set trainer.epochs=3          any setting from the command line
  ringtrain config                                                             all settings, with their defaults
  ringtrain predict $job/export/fraud --csv $data
  ./test.sh                                                                    build and run every test
TEXT
