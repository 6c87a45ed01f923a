less "$(metric one off_by)" 0.2  # it has learned what prices depend on

# An amount that is not above 0 is refused, by its row.
{ head -1 flats.csv && tail -n +2 flats.csv | sed 's/[^,]*$/-1/'; } >"$jobs/negative.csv"
if "$command" train your_name.yaml --job-dir "$jobs/negative" "${options[@]}" --set "data.train_file=$jobs/negative.csv" 2>"$jobs/negative.log"; then
  fail "negative amounts were taken"
fi
grep -q 'takes amounts above 0' "$jobs/negative.log" || { cat "$jobs/negative.log" >&2; fail "it does not say why"; }
