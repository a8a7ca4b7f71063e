"""murmur's models (layers/specification.cpp) in PyTorch, with and without noise on their activations."""

import torch
from torch import nn
from torch.nn import functional

import specification

MODELS = tuple(specification.NAMED)
ACTIVATION_NOISE = 0.05
DROPOUT = 0.1


class Flatten(nn.Module):
    """To features in murmur's order: channels last."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class NoisyReLU(nn.Module):
    def forward(self, x):
        if not self.training:
            return functional.relu(x)
        return functional.relu(torch.add(x, torch.randn_like(x), alpha=ACTIVATION_NOISE))


class Residual(nn.Module):
    def __init__(self, layer, shape, noise):
        super().__init__()
        self.inner = nn.Sequential(*modules(layer[3], shape, noise))
        self.skip = nn.Identity()
        if specification.has_projection(layer, shape):
            self.skip = nn.Sequential(nn.Conv2d(shape[2], layer[1], 1, layer[2]), norm(layer[1]))

    def forward(self, x):
        return self.inner(x) + self.skip(x)


def norm(channels):
    """Keras's momentum and epsilon, as murmur's."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def module(layer, shape, noise):
    """One elementary layer for inputs of a shape (H, W, C) or (features,)."""
    kind, channels = layer[0], shape[-1]
    if kind == "conv":
        return nn.Conv2d(channels, *layer[1:])
    if kind == "depthwise":
        return nn.Conv2d(channels, channels, *layer[1:], groups=channels)
    if kind == "linear":
        return nn.Linear(channels, layer[1])
    if kind == "residual":
        return Residual(layer, shape, noise)
    if kind == "layernorm":
        return nn.LayerNorm(channels) if len(shape) == 1 else nn.GroupNorm(1, channels)
    if kind == "avgpool":
        return nn.AvgPool2d(layer[1]) if layer[1] else nn.AdaptiveAvgPool2d(1)
    makers = {"norm": lambda: norm(channels), "flatten": Flatten, "relu": NoisyReLU if noise else nn.ReLU}
    makers["maxpool"] = lambda: nn.MaxPool2d(layer[1])
    makers["dropout"] = lambda: nn.Dropout(DROPOUT)
    return makers[kind]()


def modules(layers, shape, noise):
    result = []
    for layer in layers:
        if noise or layer[0] != "dropout":
            result.append(module(layer, shape, noise))
        shape = specification.after(layer, shape)
    return result


def build(model, height=28, width=28, channels=1, noise=False):
    """A network of ten classes for images [N, C, H, W]; noise: before each hidden ReLU, and dropout."""
    return nn.Sequential(*modules(specification.parse(model), (height, width, channels), noise))


def weight_layers(network):
    """Convolutions and linear layers, in murmur's order."""
    return [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
