#!/usr/bin/env python3
"""Training throughput of fc (784-50-50-10) in JAX, noise off and on, as one JSON object on standard output.

The same work as bench_throughput: random uint8 images on the device, batch 128, SGD; "on" is the same noise in all five
places. An epoch is one jitted lax.scan over the batches; jax.vmap makes an ensemble of it. Without JAX it says so and
ends well.
"""

import argparse
import functools
import json
import statistics
import sys
import time

import fashion

try:
    import jax
    import jax.numpy as jnp
    from jax import lax, random
except ImportError:
    jax = None

BATCH = 128
CLASSES = 10
SIZES = [784, 50, 50, CLASSES]
LEARNING_RATE = 0.001
INPUT_NOISE = 0.2
ACTIVATION_NOISE = 0.05
DROPOUT = 0.1
LOSS_NOISE = 0.2
LABEL_SMOOTHING = 0.05
GRADIENT_NOISE = 1e-3  # variance at the first update; decays as (1 + t)^-0.55, as does the weights'
GRADIENT_DROPOUT = 0.1
WEIGHT_NOISE = 1e-6


def initial_weights(key):
    keys = random.split(key, len(SIZES) - 1)
    pairs = zip(keys, SIZES[:-1], SIZES[1:])
    return [(0.05 * random.normal(k, (fan_in, out)), jnp.zeros(out)) for k, fan_in, out in pairs]


def logits_of(weights, x, key, noise):
    for kernel, bias in weights[:-1]:
        x = x @ kernel + bias
        if noise:
            key, noise_key, mask_key = random.split(key, 3)
            x = x + ACTIVATION_NOISE * random.normal(noise_key, x.shape)
        x = jax.nn.relu(x)
        if noise:
            x = jnp.where(random.uniform(mask_key, x.shape) < 1 - DROPOUT, x / (1 - DROPOUT), 0)
    kernel, bias = weights[-1]
    return x @ kernel + bias


def loss_of(weights, x, labels, key, noise):
    key, loss_key = random.split(key)
    targets = jax.nn.one_hot(labels, CLASSES)
    if noise:
        targets = targets * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / CLASSES
    losses = -(targets * jax.nn.log_softmax(logits_of(weights, x, key, noise))).sum(1)
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


def train_epoch(state, images, labels, noise):
    """state: (weights, key, number of updates) of one network."""
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
        grads = jax.grad(loss_of)(weights, x, y, loss_key, noise)
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
    def __init__(self, images, labels, networks, noise):
        self.images, self.labels, self.networks, self.noise = images, labels, networks, noise
        keys = random.split(random.PRNGKey(1), networks)
        self.state = (jax.vmap(initial_weights)(keys), keys, jnp.zeros(networks))
        train = jax.vmap(functools.partial(train_epoch, noise=noise), in_axes=(0, None, None))
        self.train = jax.jit(train, donate_argnums=0)

    def time_epochs(self, epochs):
        start = time.perf_counter()
        for _ in range(epochs):
            self.state = self.train(self.state, self.images, self.labels)
        jax.block_until_ready(self.state)
        return time.perf_counter() - start


def measure(options, networks, noises):
    """Noise off and on in turns."""
    images, labels = fashion.random_dataset(options.images)
    images, labels = jnp.asarray(images), jnp.asarray(labels).astype(jnp.int32)
    ensembles = [Ensemble(images, labels, networks, noise) for noise in noises]
    for ensemble in ensembles:
        ensemble.time_epochs(1)
    rates = [[] for _ in ensembles]
    for _ in range(options.repeats):
        for ensemble, values in zip(ensembles, rates):
            seconds = ensemble.time_epochs(options.epochs)
            values.append(options.epochs * (options.images // BATCH) * BATCH * networks / seconds)
    return [
        {
            "mode": "vmap",
            "networks": networks,
            "noise": "on" if ensemble.noise else "off",
            "images_per_second": {"median": statistics.median(values), "min": min(values), "max": max(values)},
        }
        for ensemble, values in zip(ensembles, rates)
    ]


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--device", default="", help="cpu or cuda (default: what JAX prefers)")
    parser.add_argument("--noise", default="both", choices=["off", "on", "both"])
    parser.add_argument("--networks", type=numbers, default=[1, 16, 64], help="networks of the ensembles")
    parser.add_argument("--images", type=int, default=fashion.TRAINING_IMAGES)
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a timed run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prng", default="threefry2x32", choices=["threefry2x32", "rbg", "unsafe_rbg"])
    parser.add_argument("--json", default="", help="also write the results to this file")
    options = parser.parse_args()
    if jax is None:
        print("jax_throughput: JAX is not installed; nothing measured", file=sys.stderr)
        return 0
    if options.images < BATCH:
        parser.error(f"--images: expected at least one batch of {BATCH}, got {options.images}")
    if options.device:
        jax.config.update("jax_platforms", options.device)
    jax.config.update("jax_default_prng_impl", options.prng)

    device = jax.devices()[0]
    noises = {"off": [False], "on": [True], "both": [False, True]}[options.noise]
    report = fashion.provenance()
    report.update(
        benchmark="jax_throughput",
        framework=f"JAX {jax.__version__}",
        device=device.platform,
        description=report["host"] if device.platform == "cpu" else device.device_kind,
        images=options.images // BATCH * BATCH,
        epochs=options.epochs,
        repeats=options.repeats,
        prng=options.prng,
        results=[line for networks in options.networks for line in measure(options, networks, noises)],
    )
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
