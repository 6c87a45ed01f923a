"""The two sides of the benches of training steps, on this machine or on emulated hosts, and the proof that both do the same work."""

import json
from contextlib import ExitStack, contextmanager

from cases import CUDA_GRAPHS
from report import median
from rounds import each, measure
from workers import PROGRAMS, WorkerError, Workers, mpirun, torchrun

CHECKED_STEPS = 10


def start_ours(spec, ranks, hosts=None):
    program = PROGRAMS / "bench_step_time"
    if hosts:
        return Workers("ringtrain", ranks, lambda path: [hosts.mpirun(program, spec, path)])
    return Workers("ringtrain", ranks, lambda path: [mpirun(ranks, program, spec, path)])


def start_ddp(spec, ranks, options, hosts=None):
    if hosts:
        return Workers("DDP", ranks, lambda path: hosts.python("ddp_step.py", spec, path, json.dumps(options)))
    return Workers("DDP", ranks, lambda path: [torchrun(ranks, "ddp_step.py", spec, path, json.dumps(options))])


@contextmanager
def training_sides(case, spec, ranks, default_too=False, hosts=None, only=None):
    """name → Workers; "ours" first. Their losses have been compared. `only`: the names of peers, where not all are wanted."""
    with ExitStack() as stack:
        sides = {"ours": stack.enter_context(start_ours(spec, ranks, hosts))}
        peers = case.peers(default_too)
        if unknown := set(only or []) - set(peers):
            raise ValueError(f"--peer: {case.name} has no {', '.join(unknown)}; there are: {', '.join(peers)}")
        for name, options in peers.items():
            if only and name not in only:
                continue
            sides[name] = stack.enter_context(start_ddp(spec, ranks, options, hosts))
        check_losses(f"{case.name}, {ranks} ranks", sides, case.tolerance)
        yield sides


def check_losses(what, sides, tolerance):
    """Sides do the same work only if they see the same losses, step by step."""
    losses = {}
    for name, workers in list(sides.items()):
        try:
            losses[name] = workers.ask("steps", count=CHECKED_STEPS)[0]["losses"]
        except WorkerError as error:
            if name != CUDA_GRAPHS:
                raise
            print(f"    {what}: {name} does not run: {str(error).strip().splitlines()[-1]}")
            del sides[name]
    ours, worst = losses["ours"], 0.0
    for name, theirs in losses.items():
        for step, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
            worst = max(worst, abs(a - b) / abs(b))
            if not abs(a - b) <= tolerance * abs(b):
                raise AssertionError(f"{what}: the loss of step {step} is {a} for ringtrain and {b} for {name}: not the same work")
    print(f"    {what}: loss {ours[0]:.6f} at step 1, {ours[-1]:.6f} at step {CHECKED_STEPS}; sides differ by {worst:.1e} at most")


def ask_steps(workers, count):
    return workers.ask("steps", count=count)[0]


def choose_peer(case, spec, ranks, settings):
    """DDP at its best: of the settings that help some models only, those that are fastest for this one here."""
    with ExitStack() as stack:
        sides = {json.dumps(options): stack.enter_context(start_ddp(spec, ranks, options)) for options in case.variants()}
        results = each(measure(sides, max(3, settings.rounds // 2), settings.block_s / 2, ask_steps))
    best = min(results, key=lambda name: median(results[name]))
    case.tuned = json.loads(best)
    print("    DDP tuned: " + ", ".join(f"{name} {median(seconds) * 1e3:.2f} ms" for name, seconds in results.items()) + f"; taken: {best}")
