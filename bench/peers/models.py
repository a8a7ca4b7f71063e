"""murmur's models (layers/specification.cpp) in PyTorch, with and without noise on their activations."""

import torch
from torch import nn
from torch.nn import functional

MODELS = ("fc", "lenet5", "vgg3", "resnet8")
ACTIVATION_NOISE = 0.05
DROPOUT = 0.1


class Flatten(nn.Module):
    """To features in murmur's order: channels last."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class NoisyReLU(nn.Module):
    def forward(self, x):
        return functional.relu(torch.add(x, torch.randn_like(x), alpha=ACTIVATION_NOISE))


class Residual(nn.Module):
    def __init__(self, channels, filters, stride, relu):
        super().__init__()
        self.inner = nn.Sequential(
            convolution(channels, filters, 3, stride), norm(filters), relu(),
            convolution(filters, filters), norm(filters),
        )  # fmt: skip
        same = channels == filters and stride == 1
        self.skip = nn.Identity() if same else nn.Sequential(convolution(channels, filters, 1, stride), norm(filters))
        self.relu = relu()

    def forward(self, x):
        return self.relu(self.inner(x) + self.skip(x))


def convolution(channels, filters, kernel=3, stride=1, padding=None):
    return nn.Conv2d(channels, filters, kernel, stride, kernel // 2 if padding is None else padding)


def norm(channels):
    """Keras's momentum and epsilon, as murmur's."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def build(model, height=28, width=28, channels=1, noise=False):
    """A network of ten classes for images [N, C, H, W]; noise: before each hidden ReLU, and dropout."""
    relu = NoisyReLU if noise else nn.ReLU
    dropout = [nn.Dropout(DROPOUT)] if noise else []
    if model == "fc":
        layers = [Flatten(), nn.Linear(height * width * channels, 50), relu(), *dropout]
        layers += [nn.Linear(50, 50), relu(), *dropout, nn.Linear(50, 10)]
    elif model == "lenet5":
        features = 16 * ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
        layers = [convolution(channels, 6, 5), relu(), nn.MaxPool2d(2), *dropout]
        layers += [convolution(6, 16, 5, padding=0), relu(), nn.MaxPool2d(2), *dropout, Flatten()]
        layers += [nn.Linear(features, 120), relu(), *dropout, nn.Linear(120, 84), relu(), *dropout, nn.Linear(84, 10)]
    elif model == "vgg3":
        layers = []
        for filters in (32, 64, 128):
            for _ in range(2):
                layers += [convolution(channels, filters), relu(), norm(filters)]
                channels = filters
            layers += [nn.MaxPool2d(2), *dropout]
        layers += [Flatten(), nn.Linear(128 * (height // 8) * (width // 8), 128), relu(), *dropout, nn.Linear(128, 10)]
    else:
        layers = [convolution(channels, 16), norm(16), relu(), Residual(16, 16, 1, relu), Residual(16, 32, 2, relu)]
        layers += [Residual(32, 64, 2, relu), nn.AdaptiveAvgPool2d(1), *dropout, Flatten()]
        layers += [nn.Linear(64, 10)]
    return nn.Sequential(*layers)


def weight_layers(network):
    """Convolutions and linear layers, in murmur's order."""
    return [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
