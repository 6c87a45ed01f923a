"""With `trainer.sync_batch_norm` N ranks train a residual network as one rank does on the joined batch: losses, weights and running
statistics in float64 to 1e-9; also where the epoch's last batch has fewer samples than there are ranks. Without it they do not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import equivalence  # noqa: E402
import jobs  # noqa: E402

STEPS = 9
MODEL = dict(model__type="resnet", model__depth="20", model__image=[1, 8, 8], trainer__max_steps=STEPS, trainer__global_batch_size=37,
             trainer__optimizer__type="sgd", trainer__optimizer__lr=0.02, trainer__optimizer__momentum=0.9)
SYNC = dict(trainer__sync_batch_norm=True)


def train(folder, file, name, ranks, **settings):
    jobs.run("train", file, "--ranks", ranks, "--job-dir", folder / name, *jobs.sets(**(MODEL | settings)))
    loss = jobs.losses(folder / name)
    assert len(loss) == STEPS, len(loss)
    return loss, jobs.weights(folder / name, STEPS), (folder / name / "log.jsonl").read_text()


def main():
    with jobs.Folder() as folder:
        file = equivalence.config(folder, "convnet", "float64")
        # 5 batches an epoch; the last one has 3 samples: on 4 ranks one has none.
        jobs.write_pixels(folder / "pixels.csv", rows=4 * 37 + 3)
        loss, weights, _ = train(folder, file, "one", 1)
        for ranks in (2, 3, 4):
            other, other_weights, log = train(folder, file, f"sync-{ranks}", ranks, **SYNC)
            equivalence.check(f"{ranks} ranks: losses", jobs.relative_difference(other, loss), 1e-9)
            worst = max((jobs.relative_difference(other_weights[name], value), name) for name, value in weights.items())
            equivalence.check(f"{ranks} ranks: weights and statistics, worst {worst[1]}", worst[0], 1e-9)
            assert "take their statistics from the joined batch" in log
        alone, _, log = train(folder, file, "alone", 2)
        difference = jobs.relative_difference(alone, loss)
        print(f"2 ranks, each with statistics of its own: losses differ by {difference:.1e}")
        assert difference > 1e-4 and "trainer.sync_batch_norm: true takes the joined batch" in log
        # Pieces: each is normalised over all ranks; some are empty on some ranks.
        for settings in (dict(trainer__accumulate=3), dict(trainer__accumulate=3, trainer__shard_optimizer=True)):
            pieces, _, _ = train(folder, file, f"pieces-{len(settings)}", 4, **(SYNC | settings))
            print(f"4 ranks, {settings}: last loss {pieces[-1]:.4f}")
            assert pieces[-1] < pieces[0]


main()
