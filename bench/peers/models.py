"""The models of the benches in PyTorch, with the parameter names of ringtrain's models/, so that weights are loaded strictly."""

import torch
from torch import nn
from torch.nn import functional


class Mlp(nn.Module):
    def __init__(self, features, hidden, outputs):
        super().__init__()
        widths = [features, *hidden]
        self.hidden = len(hidden)
        for i, (a, b) in enumerate(zip(widths, widths[1:])):
            self.add_module(f"hidden{i}", nn.Linear(a, b))
        self.output = nn.Linear(widths[-1], outputs)

    def forward(self, x):
        for i in range(self.hidden):
            x = functional.relu(getattr(self, f"hidden{i}")(x))
        return self.output(x)


class BasicBlock(nn.Module):
    """torchvision's, without its options."""

    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if inputs != width or stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x += shortcut
        return self.relu(x)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if inputs != 4 * width or stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += shortcut
        return self.relu(x)


class Resnet(nn.Module):
    """20: He et al. 2015, section 4.2, with projections where the shape changes. 50: torchvision's resnet50."""

    def __init__(self, depth, image, outputs):
        super().__init__()
        self.image = image
        self.memory_format = torch.contiguous_format
        kind, blocks, width = (BasicBlock, (3, 3, 3), 16) if depth == "20" else (Bottleneck, (3, 4, 6, 3), 64)
        self.small = depth == "20"
        self.conv1 = nn.Conv2d(image[0], width, 3 if self.small else 7, 1 if self.small else 2, 1 if self.small else 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.stages = len(blocks)
        inputs = width
        for stage, count in enumerate(blocks, 1):
            made = []
            for block in range(count):
                made.append(kind(inputs, width, 2 if stage > 1 and block == 0 else 1))
                inputs = width * kind.expansion
            self.add_module(f"layer{stage}", nn.Sequential(*made))
            width *= 2
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x):
        x = x.unflatten(1, self.image).contiguous(memory_format=self.memory_format)
        x = self.relu(self.bn1(self.conv1(x)))
        if not self.small:
            x = functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (part.view(n, t, self.heads, width // self.heads).transpose(1, 2)
                   for part in self.c_attn(x).split(width, dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(n, t, width))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(functional.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    """GPT-2 with the output tied to the embedding."""

    def __init__(self, layers, heads, width, context, vocabulary):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(context, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[:tokens.shape[1]]
        for block in self.h:
            x = block(x)
        return functional.linear(self.ln_f(x), self.wte.weight)


def make_model(spec):
    options = spec["model"]
    if options["type"] == "mlp":
        return Mlp(spec["features"], options["hidden"], spec["outputs"])
    if options["type"] == "resnet":
        return Resnet(options["depth"], options["image"], spec["outputs"])
    if options["type"] == "gpt":
        return Gpt(options["layers"], options["heads"], options["width"], options["context"], spec["outputs"])
    raise ValueError(f"no peer for model {options}")


def loss_of(outputs, targets):
    """The mean over rows, or over all positions of all rows, in float32."""
    return functional.cross_entropy(outputs.flatten(0, -2).float(), targets.flatten())
