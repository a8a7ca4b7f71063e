"""P networks of one model as one network of packed operations: flat parameters [P, N], linear layers by baddbmm, convolutions
in groups, an optimizer of one line for all. What one would write by hand in PyTorch for exactly this job."""

import math

import torch
from torch.nn import functional

import models
import specification


def parameter_shapes(layers, shape):
    """The shapes of a network's parameters, in the order in which they are used; weights before biases."""
    shapes = []
    for layer in layers:
        kind, channels = layer[0], shape[-1]
        if kind == "conv":
            shapes += [(layer[1], channels, layer[2], layer[2]), (layer[1],)]
        elif kind == "depthwise":
            shapes += [(channels, 1, layer[1], layer[1]), (channels,)]
        elif kind == "linear":
            shapes += [(layer[1], channels), (layer[1],)]
        elif kind in ("norm", "layernorm"):
            shapes += [(channels,), (channels,)]
        elif kind == "residual":
            shapes += parameter_shapes(layer[3], shape)
            if specification.has_projection(layer, shape):
                shapes += parameter_shapes([("conv", layer[1], 1, layer[2], 0), ("norm",)], shape)
        shape = specification.after(layer, shape)
    return shapes


class Pack:
    """The forward pass of P networks with flat parameters. Images are [B, P * C, H, W], features [P, B, F]."""

    def __init__(self, model, image, networks, noise):
        self.layers, self.image = specification.parse(model), image
        self.networks, self.noise = networks, noise
        self.shapes = parameter_shapes(self.layers, image)
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.training = True

    def flat(self, members):
        """[P, N] of modules that models.build made."""
        rows = [torch.cat([w.detach().reshape(-1) for w in network.parameters()]) for network in members]
        flat = torch.stack(rows)
        if flat.shape[1] != sum(self.sizes):
            raise ValueError(f"pack: expected {sum(self.sizes)} parameters a network, got {flat.shape[1]}")
        return flat

    def __call__(self, flat, images):
        """Logits [P, B, classes] of images [P, B, C, H, W]."""
        parts = torch.split(flat, self.sizes, dim=1)  # one gradient for all of them, where slices would have one each
        views = iter([part.view(self.networks, *shape) for part, shape in zip(parts, self.shapes)])
        _, batch, channels, height, width = images.shape
        x = images.transpose(0, 1).reshape(batch, self.networks * channels, height, width)
        return self.run(self.layers, self.image, x, views)

    def run(self, layers, shape, x, views):
        for layer in layers:
            x = self.apply(layer, shape, x, views)
            shape = specification.after(layer, shape)
        return x

    def apply(self, layer, shape, x, views):
        kind = layer[0]
        if kind == "linear":
            weight, bias = next(views), next(views)
            return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
        if kind in ("conv", "depthwise"):
            weight, bias = next(views).flatten(0, 1), next(views).flatten()
            groups = self.networks * (1 if kind == "conv" else shape[2])
            return functional.conv2d(x, weight, bias, layer[-2], layer[-1], groups=groups)
        if kind == "norm":
            gamma, beta = next(views).flatten(), next(views).flatten()
            return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)
        if kind == "layernorm":
            return self.layernorm(x, shape, next(views), next(views))
        if kind == "residual":
            inner = self.run(layer[3], shape, x, views)
            if specification.has_projection(layer, shape):
                x = self.run([("conv", layer[1], 1, layer[2], 0), ("norm",)], shape, x, views)
            return inner + x
        if kind == "maxpool":
            return functional.max_pool2d(x, layer[1])
        if kind == "avgpool":
            return functional.avg_pool2d(x, layer[1] or shape[:2])
        if kind == "flatten":
            x = x.view(len(x), self.networks, shape[2], *shape[:2]).permute(1, 0, 3, 4, 2)
            return x.reshape(self.networks, x.shape[1], -1)
        noise = self.noise and self.training
        if kind == "relu":
            return functional.relu(torch.add(x, torch.randn_like(x), alpha=models.ACTIVATION_NOISE) if noise else x)
        return functional.dropout(x, models.DROPOUT) if noise else x

    def layernorm(self, x, shape, gamma, beta):
        if len(shape) == 1:
            return torch.addcmul(beta.unsqueeze(1), functional.layer_norm(x, shape), gamma.unsqueeze(1))
        return functional.group_norm(x, self.networks, gamma.flatten(), beta.flatten())
