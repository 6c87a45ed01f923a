"""switches: what each switch of a step does on a GPU, ringtrain alone: time, and the GPU's memory."""

import copy
import subprocess
import tempfile

from cases import CASES
from report import median
from rounds import each, measure
from training import CHECKED_STEPS, ask_steps, start_ours
from workers import usable_gpus

# Name → what is added to the configuration's text (its model, task and trainer), each beside what is the default.
SWITCHES = {
    "gpt2_124m": {"as it is": {}, "pad_vocabulary: off": {"model": {"pad_vocabulary": "off"}}, "chunked_loss: off": {"task": {"chunked_loss": "off"}},
                  "both off": {"model": {"pad_vocabulary": "off"}, "task": {"chunked_loss": "off"}}, "cuda_graph: off": {"trainer": {"cuda_graph": "off"}},
                  "weight_copies: false": {"trainer": {"weight_copies": "false"}},
                  "checkpoint_activations": {"model": {"checkpoint_activations": True}}},
    "resnet50": {"as it is": {}, "cuda_graph: off": {"trainer": {"cuda_graph": "off"}}, "cudnn_search: true": {"trainer": {"cudnn_search": "true"}},
                 "weight_copies: false": {"trainer": {"weight_copies": "false"}}},
}


def switched(case, more):
    other = copy.copy(case)
    other.model = case.model | more.get("model", {})
    other.task_more, other.trainer_more = more.get("task", {}), more.get("trainer", {})
    return other


def gpu_memory():
    """MiB of the GPU that are in use, by whomever."""
    done = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def run(report, settings):
    report.heading("switches", "ms a step, and the GPU's memory, ringtrain alone on one GPU", peers=False)
    if usable_gpus() == 0 or settings.quick:
        print("  NOT RUN: " + ("it measures, and --quick does not" if settings.quick else "no GPU"))
        return
    for name in filter(SWITCHES.get, settings.cases or SWITCHES):
        for switch, more in SWITCHES[name].items():
            case = switched(CASES[name], more)
            with tempfile.TemporaryDirectory(prefix="ringtrain-bench-") as folder:
                with start_ours(case.write(folder), 1) as workers:
                    workers.ask("steps", count=CHECKED_STEPS)
                    seconds = each(measure({"ours": workers}, settings.rounds, settings.block_s, ask_steps))["ours"]
                    memory = gpu_memory()
            samples = case.batch * (case.features if case.tokens else 1) / median(seconds)
            print(f"  {name:<12} {switch:<22} {median(seconds) * 1e3:7.2f} ms [{min(seconds) * 1e3:.2f}, {max(seconds) * 1e3:.2f}] "
                  f"{samples:10,.0f} {'tokens' if case.tokens else 'images'}/s {memory:7,} MiB", flush=True)
