"""memory: resident memory of a rank while training, at its peak and after the steps."""

import tempfile

from cases import CASES
from training import training_sides

NAMES = ["mlp_small", "mlp_784", "resnet20", "gpt"]
RANKS = 2
STEPS = 20


def run(report, settings):
    report.heading("memory", f"resident MB of the largest of {RANKS} ranks, after {STEPS} steps; each start is a round")
    names = ["mlp_small"] if settings.quick else settings.cases or NAMES
    with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
        for case in map(CASES.get, names):
            spec = case.write(folder)
            found = {}
            for _ in range(1 if settings.quick else 2):
                with training_sides(case, spec, RANKS) as sides:
                    for name, workers in sides.items():
                        workers.ask("steps", count=STEPS)
                        answers = workers.ask("memory")
                        for key in ("resident_bytes", "peak_bytes"):
                            found.setdefault((name, key), []).append(max(answer[key] for answer in answers))
            for key, title in (("resident_bytes", "steady"), ("peak_bytes", "peak")):
                report.compare("memory", f"{case.name}, {title}", found["ours", key], found["DDP tuned", key], "MB", "DDP tuned",
                               scale=1e-6)
