less 0.75 "$(metric one accuracy)"  # it has learned something

# A line that cannot be read ends all ranks, with one message that names it.
{ head -2 rows.libsvm && echo "1 3:0.5 x:1"; } >"$jobs/broken.libsvm"
if "$command" train your_name.yaml --ranks 2 --job-dir "$jobs/broken" "${options[@]}" --set "data.train_file=$jobs/broken.libsvm" 2>"$jobs/broken.log"; then
  fail "a broken file was read"
fi
grep -q "broken.libsvm:3: expected INDEX:VALUE.*got 'x:1'" "$jobs/broken.log" || { cat "$jobs/broken.log" >&2; fail "it does not name the line"; }
