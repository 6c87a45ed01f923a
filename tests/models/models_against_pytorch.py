"""models_against_pytorch.py MODEL_SAMPLES: the same networks written in PyTorch from the papers and torchvision's names give the same
outputs and gradients for the same weights, in float64."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from networks import Basic, Bottleneck, Gpt, Resnet  # noqa: E402

PEERS = {
    "resnet20": lambda: Resnet((1, 28, 28), Basic, (3, 3, 3), 16, True),
    "resnet18": lambda: Resnet((3, 64, 64), Basic, (2, 2, 2, 2), 64, False),
    "resnet50": lambda: Resnet((3, 64, 64), Bottleneck, (3, 4, 6, 3), 64, False),
    "gpt": lambda: Gpt(50, 16, 32, 4, 2),
}


def difference(a, b):
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-300))


with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    for name, make in PEERS.items():
        state, inputs, outputs, gradients = torch.load(Path(folder) / f"{name}.pt", weights_only=False)
        model = make().double()
        model.load_state_dict(state)  # the same names and shapes, none missing
        peer = model(inputs)
        peer.square().sum().backward()
        largest = difference(outputs, peer)
        assert largest <= 1e-10, (name, largest)
        for parameter, value in model.named_parameters():
            d = difference(gradients[parameter], value.grad)
            assert d <= 1e-8 or float((gradients[parameter] - value.grad).abs().max()) <= 1e-10, (name, parameter, d)
        print(f"{name}: outputs differ by {largest:.1e}")
