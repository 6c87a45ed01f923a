less 0.8 "$(metric one r2)"  # it has learned what prices depend on

# It was exported, and any ringtrain answers with it.
"$command" predict "$jobs/one/export/your_name" --csv flats.csv --output csv >"$jobs/answers.csv"
[[ "$(wc -l <"$jobs/answers.csv")" == "$(wc -l <flats.csv)" ]] || fail "not every row has an answer"
