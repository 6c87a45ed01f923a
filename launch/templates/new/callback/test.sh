grep -q 'the running mean of r2 is' "$jobs/one.log" || fail "the goal was not reached"

# A run that stopped, and went on from its checkpoint, is the run that was never stopped: to the last bit.
train stopped --set trainer.max_steps=20
train stopped --resume --set trainer.max_steps=0
last() { cat "$jobs/$1/checkpoints/latest"; }
[[ "$(last stopped)" == "$(last one)" ]] || fail "it went on to $(last stopped), not to $(last one)"
for file in model.safetensors state.json; do
  cmp "$jobs/one/checkpoints/$(last one)/$file" "$jobs/stopped/checkpoints/$(last one)/$file" || fail "$file differs"
done
