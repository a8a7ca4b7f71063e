#!/usr/bin/env python3
"""Training throughput of a model in JAX, noise off and on, as one JSON object on standard output.

The same work as bench_throughput: random uint8 images on the device, batch 128, SGD; "on" is the same noise in all five
places, each network's own. The model is a named one or murmur's words for layers. An epoch is one jitted lax.scan over
the batches; jax.vmap makes an ensemble of it, or lax.map one network after the other in one program; random numbers by
threefry or by rbg (the hardware's or the compiler's own generator). Compilation is not in the times (setup_seconds).
Without JAX it says so and ends well.
"""

import argparse
import functools
import json
import math
import statistics
import sys
import time

import fashion
import specification

try:
    import jax
    import jax.numpy as jnp
    from jax import lax, random
except ImportError:
    jax = None

BATCH = 128
CLASSES = 10
LEARNING_RATE = 0.001
INPUT_NOISE = 0.2
ACTIVATION_NOISE = 0.05
DROPOUT = 0.1
LOSS_NOISE = 0.2
LABEL_SMOOTHING = 0.05
GRADIENT_NOISE = 1e-3  # variance at the first update; decays as (1 + t)^-0.55, as does the weights'
GRADIENT_DROPOUT = 0.1
WEIGHT_NOISE = 1e-6


def parameter_shapes(layers, shape):
    """(shape, whether it is drawn, its start where it is not) of each parameter, in the order in which they are used."""
    result = []
    for layer in layers:
        kind, channels = layer[0], shape[-1]
        if kind == "conv":
            result += [((layer[2], layer[2], channels, layer[1]), True, 0.0), ((layer[1],), False, 0.0)]
        elif kind == "depthwise":
            result += [((layer[1], layer[1], 1, channels), True, 0.0), ((channels,), False, 0.0)]
        elif kind == "linear":
            result += [((channels, layer[1]), True, 0.0), ((layer[1],), False, 0.0)]
        elif kind in ("norm", "layernorm"):
            result += [((channels,), False, 1.0), ((channels,), False, 0.0)]
        elif kind == "residual":
            result += parameter_shapes(layer[3], shape)
            if specification.has_projection(layer, shape):
                result += parameter_shapes(projection(layer), shape)
        shape = specification.after(layer, shape)
    return result


def projection(layer):
    return [("conv", layer[1], 1, layer[2], 0), ("norm",)]


def initial_weights(key, layers, shape):
    shapes = parameter_shapes(layers, shape)
    keys = random.split(key, len(shapes))
    return [
        0.05 * random.normal(k, sizes) if is_drawn else jnp.full(sizes, start, jnp.float32)
        for k, (sizes, is_drawn, start) in zip(keys, shapes)
    ]


def standardized(x, axes, epsilon):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def pooled(x, window, kind):
    """Of windows that do not overlap; what they do not cover is left out. window 0: the mean of all."""
    if not window:
        return x.mean((1, 2), keepdims=True)
    batch, height, width, channels = x.shape
    rows, columns = height // window, width // window
    x = x[:, : rows * window, : columns * window].reshape(batch, rows, window, columns, window, channels)
    return x.max((2, 4)) if kind == "maxpool" else x.mean((2, 4))


class Forward:
    """One pass of one network: its weights in order, and a key for each draw. Images are [B, H, W, C]."""

    def __init__(self, weights, key, noise):
        self.weights, self.key, self.noise = iter(weights), key, noise

    def draw(self, sampler, x):
        self.key, key = random.split(self.key)
        return sampler(key, x.shape)

    def run(self, layers, x):
        for layer in layers:
            x = self.apply(layer, x)
        return x

    def apply(self, layer, x):
        kind = layer[0]
        if kind in ("conv", "depthwise"):
            weight, bias = next(self.weights), next(self.weights)
            stride, padding = layer[-2:]
            groups = x.shape[-1] if kind == "depthwise" else 1
            x = lax.conv_general_dilated(
                x, weight, (stride, stride), [(padding, padding)] * 2,
                dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
            )  # fmt: skip
            return x + bias
        if kind == "linear":
            weight, bias = next(self.weights), next(self.weights)
            return x @ weight + bias
        if kind in ("norm", "layernorm"):
            gamma, beta = next(self.weights), next(self.weights)
            axes, epsilon = ((0, 1, 2), 1e-3) if kind == "norm" else (tuple(range(1, x.ndim)), 1e-5)
            return gamma * standardized(x, axes, epsilon) + beta
        if kind == "residual":
            inner = self.run(layer[3], x)
            return inner + (self.run(projection(layer), x) if specification.has_projection(layer, x.shape[1:]) else x)
        if kind in ("maxpool", "avgpool"):
            return pooled(x, layer[1], kind)
        if kind == "flatten":
            return x.reshape(len(x), -1)
        if kind == "relu":
            x = x + ACTIVATION_NOISE * self.draw(random.normal, x) if self.noise else x
            return jax.nn.relu(x)
        return jnp.where(self.draw(random.uniform, x) < 1 - DROPOUT, x / (1 - DROPOUT), 0) if self.noise else x


def loss_of(weights, layers, x, labels, key, noise):
    key, loss_key = random.split(key)
    targets = jax.nn.one_hot(labels, CLASSES)
    if noise:
        targets = targets * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / CLASSES
    losses = -(targets * jax.nn.log_softmax(Forward(weights, key, noise).run(layers, x))).sum(1)
    if noise:
        losses = losses * (1 + LOSS_NOISE * random.normal(loss_key, losses.shape))
    return losses.mean()


def update(weight, grad, key, decay, noise):
    if noise:
        mask_key, grad_key, weight_key = random.split(key, 3)
        grad = jnp.where(random.uniform(mask_key, grad.shape) < 1 - GRADIENT_DROPOUT, grad, 0)
        grad = grad + GRADIENT_NOISE**0.5 * decay * random.normal(grad_key, grad.shape)
        weight = weight + WEIGHT_NOISE**0.5 * decay * random.normal(weight_key, weight.shape)
    return weight - LEARNING_RATE * grad


def train_epoch(state, images, labels, layers, noise):
    """state: (weights, key, number of updates) of one network; images [N, H, W, C]."""
    weights, key, updates = state
    key, order_key = random.split(key)
    order = random.permutation(order_key, len(images)) if noise else None

    def step(carry, batch):
        weights, key, updates = carry
        key, input_key, loss_key, update_key = random.split(key, 4)
        first = batch * BATCH
        if noise:
            rows = lax.dynamic_slice_in_dim(order, first, BATCH)
            x, y = images[rows], labels[rows]
        else:
            x = lax.dynamic_slice_in_dim(images, first, BATCH)
            y = lax.dynamic_slice_in_dim(labels, first, BATCH)
        x = x.astype(jnp.float32) / 255
        if noise:
            x = x + INPUT_NOISE * random.normal(input_key, x.shape)
        grads = jax.grad(loss_of)(weights, layers, x, y, loss_key, noise)
        leaves, tree = jax.tree_util.tree_flatten(weights)
        decay = (1.0 + updates) ** -0.275
        leaves = [
            update(weight, grad, leaf_key, decay, noise)
            for weight, grad, leaf_key in zip(
                leaves, jax.tree_util.tree_leaves(grads), random.split(update_key, len(leaves))
            )
        ]
        return (jax.tree_util.tree_unflatten(tree, leaves), key, updates + 1), None

    state, _ = lax.scan(step, (weights, key, updates), jnp.arange(len(images) // BATCH))
    return state


class Ensemble:
    """way: vmap (the networks side by side) or map (lax.map: one after the other in one program)."""

    def __init__(self, options, images, labels, way, networks, noise):
        self.images, self.labels, self.networks, self.noise = images, labels, networks, noise
        layers = specification.parse(options.model)
        keys = random.split(random.key(1, impl=options.prng), networks)
        start = functools.partial(initial_weights, layers=layers, shape=options.image)
        self.state = (jax.vmap(start)(keys), keys, jnp.zeros(networks))
        one = functools.partial(train_epoch, layers=layers, noise=noise)
        if way == "vmap":
            train = jax.vmap(one, in_axes=(0, None, None))
        else:
            train = lambda state, x, y: lax.map(lambda network: one(network, x, y), state)  # noqa: E731
        begin = time.perf_counter()
        self.train = jax.jit(train, donate_argnums=0).lower(self.state, images, labels).compile()
        self.setup_seconds = time.perf_counter() - begin

    def time_epochs(self, epochs):
        start = time.perf_counter()
        for _ in range(epochs):
            self.state = self.train(self.state, self.images, self.labels)
        jax.block_until_ready(self.state)
        return time.perf_counter() - start


def measure(options, way, networks, noises):
    """Noise off and on in turns."""
    images, labels = fashion.random_dataset(options.images, math.prod(options.image))
    images = jnp.asarray(images.reshape(-1, *options.image))
    labels = jnp.asarray(labels).astype(jnp.int32)
    ensembles = [Ensemble(options, images, labels, way, networks, noise) for noise in noises]
    for ensemble in ensembles:
        ensemble.time_epochs(1)
    rates = [[] for _ in ensembles]
    for _ in range(options.repeats):
        for ensemble, values in zip(ensembles, rates):
            seconds = ensemble.time_epochs(options.epochs)
            values.append(options.epochs * (options.images // BATCH) * BATCH * networks / seconds)
    return [
        {
            "mode": f"{way}, {options.prng}",
            "networks": networks,
            "noise": "on" if ensemble.noise else "off",
            "threads": None,
            "precision": options.precision,
            "setup_seconds": ensemble.setup_seconds,
            "images_per_second": {"median": statistics.median(values), "min": min(values), "max": max(values)},
        }
        for ensemble, values in zip(ensembles, rates)
    ]


def measure_all(options, noises, report):
    """Every way with every generator; what fails (memory, a convolution that cannot be vmapped) is skipped with its reason."""
    results, skipped = report["results"], report["skipped"] = [], []
    begin = time.monotonic()
    for prng in options.prngs:
        options.prng = prng
        for way in options.ways:
            for networks in options.networks:
                if options.minutes > 0 and time.monotonic() - begin > 60 * options.minutes:
                    skipped.append(f"{way}, {prng}, P={networks}: no time left")
                    continue
                try:
                    results += measure(options, way, networks, noises)
                except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
                    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                    skipped.append(f"{way}, {prng}, P={networks}: {first}")
                fashion.write_json(options.json, report)


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", default="fc", help="a named model, or murmur's words for layers")
    parser.add_argument("--image", default="", help="HxWxC (default: 32x32x3 for vgg3, else 28x28x1)")
    parser.add_argument("--device", default="", help="cpu or cuda (default: what JAX prefers)")
    parser.add_argument("--noise", default="both", choices=["off", "on", "both"])
    parser.add_argument("--networks", type=numbers, default=[1, 16, 64], help="networks of the ensembles")
    parser.add_argument("--images", type=int, default=fashion.TRAINING_IMAGES)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a timed run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prngs", default=["threefry2x32", "rbg"], type=lambda text: text.split(","))
    parser.add_argument("--ways", default=["vmap", "map"], type=lambda text: text.split(","))
    parser.add_argument("--tf32", action="store_true", help="TF32 in matrix products and convolutions (GPU)")
    parser.add_argument("--minutes", type=float, default=0, help="begin nothing after so many minutes (0: no limit)")
    parser.add_argument("--json", default="", help="also write the results to this file")
    options = parser.parse_args()
    if jax is None:
        print("jax_throughput: JAX is not installed; nothing measured", file=sys.stderr)
        return 0
    if options.images < BATCH:
        parser.error(f"--images: expected at least one batch of {BATCH}, got {options.images}")
    if options.device:
        jax.config.update("jax_platforms", options.device)
    options.image = tuple(map(int, options.image.split("x"))) if options.image else specification.image_of(options.model)
    # XLA takes TF32 on a GPU unless it is told not to.
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if options.tf32 else "float32")
    options.precision = "tf32" if options.tf32 else "fp32"

    device = jax.devices()[0]
    noises = {"off": [False], "on": [True], "both": [False, True]}[options.noise]
    report = fashion.provenance()
    report.update(
        benchmark="jax_throughput",
        model=options.model,
        image="x".join(map(str, options.image)),
        framework=f"JAX {jax.__version__}",
        device=device.platform,
        description=report["host"] if device.platform == "cpu" else device.device_kind,
        images=options.images // BATCH * BATCH,
        epochs=options.epochs,
        repeats=options.repeats,
    )
    measure_all(options, noises, report)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
