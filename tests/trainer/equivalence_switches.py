"""What only makes a GPU faster, or saves memory, changes nothing: a GPT in float64 with its vocabulary padded, its loss in chunks, its
activations checkpointed, on 1, 2 and 3 ranks, computes what the plain one does: losses and weights of 20 steps to 1e-12. In bfloat16
copies of weights change no bit."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402

SWITCHES = {"pad_vocabulary": dict(model__pad_vocabulary="on"), "chunked_loss": dict(task__chunked_loss="on"),
            "checkpoint_activations": dict(model__checkpoint_activations=True),
            "all": dict(model__pad_vocabulary="on", task__chunked_loss="on", model__checkpoint_activations=True)}


def main():
    equivalence.STEPS = 20
    with jobs.Folder() as folder:
        file = equivalence.config(folder, "gpt", "float64")
        settings = equivalence.MODELS["gpt"] | equivalence.OPTIMIZERS["adamw"]
        for ranks in (1, 2, 3):
            _, loss, weights = equivalence.train(folder, file, f"plain-{ranks}", ranks, settings)
            for name, more in SWITCHES.items():
                _, other_loss, other_weights = equivalence.train(folder, file, f"{name}-{ranks}", ranks, settings | more)
                equivalence.check(f"{name}, {ranks} ranks: losses", jobs.relative_difference(other_loss, loss), 1e-12)
                worst = max(jobs.relative_difference(other_weights[parameter], value) for parameter, value in weights.items())
                equivalence.check(f"{name}, {ranks} ranks: weights", worst, 1e-11)
            # In 16 bits: with dropout, whose second draws are the first ones again.
            settings16 = settings | dict(trainer__precision="bfloat16", model__dropout=0.2)
            switches = dict(trainer__weight_copies=False), dict(), dict(model__checkpoint_activations=True)
            (_, loss, weights), *others = [equivalence.train(folder, file, f"{ranks}-{i}", ranks, settings16 | more)
                                           for i, more in enumerate(switches)]
            for _, other_loss, other_weights in others:
                assert other_loss == loss, (other_loss, loss)
                assert all((other_weights[parameter] == value).all() for parameter, value in weights.items())


main()
