"""The ways in which PyTorch trains one network or many: each has `epoch()`, `networks`, and `accuracies()`.

Noise is each network's own in all of them. What compiles or captures does so when it is made, so that its epochs are like one
another; how long that took is `setup_seconds`.
"""

import contextlib
import math

import torch
from torch import nn
from torch.nn import functional

import models
import pack

BATCH = 128
LEARNING_RATE = 0.001
INPUT_NOISE = 0.2
LOSS_NOISE = 0.2
LABEL_SMOOTHING = 0.05
GRADIENT_NOISE = 1e-3  # variance at the first update; decays as (1 + t)^-0.55, as does the weights'
GRADIENT_DROPOUT = 0.1
WEIGHT_NOISE = 1e-6
PRECISIONS = ("fp32", "tf32", "bf16")


def has_compiler():
    return hasattr(torch, "compile")


def compiled(f):
    """Tuned by measurement; captured by whoever calls it, for the weights that it changes are not the compiler's to copy."""
    return torch.compile(f, mode="max-autotune-no-cudagraphs") if has_compiler() else f


@contextlib.contextmanager
def precision_of(name):
    """fp32, tf32 or bf16 (weights stay fp32) within; the switches are PyTorch's global ones."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name != "fp32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def autocast(device, precision):
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


def make_network(options, noise):
    network = models.build(options.model, *options.image, noise)
    for layer in models.weight_layers(network):
        nn.init.normal_(layer.weight, std=0.05)
        nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False  # torch.func cannot write them, and they cost next to nothing
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    return network


def pixels(images, noise):
    x = images.float().div_(255)
    return x.add_(torch.randn_like(x), alpha=INPUT_NOISE) if noise else x


def losses_of(logits, labels, noise):
    """Of each sample, with the noise of each."""
    if not noise:
        return functional.cross_entropy(logits, labels, reduction="none")
    losses = functional.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING, reduction="none")
    return losses * (1 + LOSS_NOISE * torch.randn_like(losses))


def loss_of(logits, labels, noise):
    return losses_of(logits, labels, noise).mean()


def keep_mask(x, probability):
    """0 or 1, whichever way is the faster one on this device (CPU: measured, a third less time than bernoulli_)."""
    if x.is_cuda:
        return torch.empty_like(x).bernoulli_(probability)
    return torch.rand_like(x) < probability


def perturb(weights, grads, decay):
    """Gradient dropout, gradient noise, weight noise. decay: (1 + t)^-0.275, a number or a tensor of one element."""
    for weight, grad in zip(weights, grads):
        grad.mul_(keep_mask(grad, 1 - GRADIENT_DROPOUT))
        grad.add_(torch.randn_like(grad).mul_(math.sqrt(GRADIENT_NOISE) * decay))
        weight.add_(torch.randn_like(weight).mul_(math.sqrt(WEIGHT_NOISE) * decay))


def hits(logits, labels):
    return (logits.argmax(-1) == labels).float().mean(-1)


class Eager:
    """One network, one operation after the other."""

    networks = 1

    def __init__(self, data, noise):
        self.data, self.noise, self.updates = data, noise, 0
        self.network = make_network(data.options, noise).to(data.device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=LEARNING_RATE * data.options.rate)

    def epoch(self):
        data = self.data
        order = data.order() if self.noise else None
        for i in range(data.num_batches):
            rows = slice(i * BATCH, (i + 1) * BATCH)
            rows = order[rows] if self.noise else rows
            x = pixels(data.images[rows], self.noise)
            loss = loss_of(self.network(x), data.labels[rows], self.noise)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if self.noise:
                weights = list(self.network.parameters())
                with torch.no_grad():
                    perturb(weights, [w.grad for w in weights], (1 + self.updates) ** -0.275)
            self.optimizer.step()
            self.updates += 1

    def accuracies(self):
        return accuracies_of(self.network, self.data)


def accuracies_of(network, data):
    network.eval()
    with torch.no_grad():
        result = [hits(network(pixels(data.images, False)), data.labels).item()]
    network.train()
    return result


class Captured:
    """A step that knows its place in the epoch; on a GPU it is captured once and replayed. Who inherits has step()."""

    def __init__(self, data):
        device = self.device = data.device
        self.data = data
        self.rows = torch.arange(BATCH, device=device)
        self.updates = torch.zeros(1, device=device)

    def rewind(self):
        self.rows.copy_(torch.arange(BATCH, device=self.device))

    def step_on(self, batch):
        raise NotImplementedError

    def step(self):
        self.step_on(self.rows)
        self.updates.add_(1)
        self.rows.add_(BATCH)

    def capture(self):
        """Runs the step a few times, which compiles it, and captures it. The weights have moved a little by then."""
        self.graph = None
        if self.device.type != "cuda":
            return
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.rewind()
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def shuffle(self):
        raise NotImplementedError

    def epoch(self):
        self.rewind()
        if self.noise:
            self.shuffle()
        for _ in range(self.data.num_batches):
            self.graph.replay() if self.graph else self.step()


class CudaGraph(Captured):
    """One network; the whole step is captured. compile: forward, backward and update are compiled before, channels last."""

    networks = 1

    def __init__(self, data, noise, compile=False, precision="fp32"):
        super().__init__(data)
        self.noise, self.precision = noise, precision
        self.network = make_network(data.options, noise).to(data.device)
        if compile:
            self.network.to(memory_format=torch.channels_last)
        self.channels_last = compile
        self.weights = list(self.network.parameters())
        self.order = torch.arange(len(data.images), device=data.device)
        self.forward = compiled(self.loss) if compile else self.loss
        self.change = compiled(self.update) if compile else self.update
        with precision_of(precision):
            self.capture()

    def loss(self, images, labels):
        x = pixels(images, self.noise)
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.precision):
            logits = self.network(x)
        return loss_of(logits.float(), labels, self.noise)

    def update(self, weights, grads, updates):
        if self.noise:
            perturb(weights, grads, (1 + updates) ** -0.275)
        for weight, grad in zip(weights, grads):
            weight.sub_(grad, alpha=LEARNING_RATE * self.data.options.rate)

    def step_on(self, batch):
        rows = self.order[batch]
        loss = self.forward(self.data.images[rows], self.data.labels[rows])
        grads = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            self.change(self.weights, list(grads), self.updates)

    def shuffle(self):
        self.order.copy_(self.data.order())

    def accuracies(self):
        return accuracies_of(self.network, self.data)


class Vmap(Captured):
    """An ensemble by torch.func.vmap, each network with its own noise and (noise on) its own order of the images."""

    def __init__(self, data, noise, networks, capture=False):
        super().__init__(data)
        self.noise, self.networks = noise, networks
        members = [make_network(data.options, noise).to(data.device) for _ in range(networks)]
        self.weights, _ = torch.func.stack_module_state(members)
        self.weights = {name: weight.detach() for name, weight in self.weights.items()}
        self.template = members[0].to("meta")
        rows = 0 if noise else None
        self.orders = torch.arange(len(data.images), device=data.device).repeat(networks if noise else 1, 1)
        gradient = torch.func.grad(self.loss)
        self.gradient = torch.func.vmap(gradient, in_dims=(0, rows, rows), randomness="different")
        self.graph = None
        if capture:
            self.capture()

    def loss(self, weights, x, labels):
        return loss_of(torch.func.functional_call(self.template, weights, (x,)), labels, self.noise)

    def step_on(self, batch):
        rows = self.orders[:, batch] if self.noise else self.orders[0, batch]
        with torch.no_grad():
            x = pixels(self.data.images[rows], self.noise)
            grads = self.gradient(self.weights, x, self.data.labels[rows])
            if self.noise:
                perturb(self.weights.values(), [grads[name] for name in self.weights], (1 + self.updates) ** -0.275)
            for name, weight in self.weights.items():
                weight.sub_(grads[name], alpha=LEARNING_RATE * self.data.options.rate)

    def shuffle(self):
        self.orders.copy_(torch.stack([self.data.order() for _ in range(self.networks)]))

    def accuracies(self):
        self.template.eval()
        x = pixels(self.data.images, False)
        with torch.no_grad():
            call = lambda weights: torch.func.functional_call(self.template, weights, (x,))  # noqa: E731
            logits = torch.func.vmap(call)(self.weights)
        self.template.train()
        return hits(logits, self.data.labels).tolist()


class PackTrainer(Captured):
    """P networks as one of packed operations, flat parameters and a hand-made optimizer; compiled and captured on a GPU."""

    def __init__(self, data, noise, networks, compile=False, precision="fp32"):
        super().__init__(data)
        self.noise, self.networks, self.precision = noise, networks, precision
        self.pack = pack.Pack(data.options.model, data.options.image, networks, noise)
        members = [make_network(data.options, noise) for _ in range(networks)]
        self.flat = self.pack.flat(members).to(data.device).requires_grad_()
        self.orders = torch.arange(len(data.images), device=data.device).repeat(networks, 1)
        self.forward = compiled(self.loss) if compile else self.loss
        self.change = compiled(self.update) if compile else self.update
        with precision_of(precision):
            self.capture()

    def loss(self, flat, images, labels):
        with autocast(self.device, self.precision):
            logits = self.pack(flat, pixels(images, self.noise))
        losses = losses_of(logits.float().flatten(0, 1), labels.flatten(), self.noise)
        return losses.view(self.networks, -1).mean(1).sum()  # each network's gradient is of its own mean

    def update(self, flat, grad, updates):
        if self.noise:
            perturb([flat], [grad], (1 + updates) ** -0.275)
        flat.sub_(grad, alpha=LEARNING_RATE * self.data.options.rate)

    def step_on(self, batch):
        rows = self.orders[:, batch]
        loss = self.forward(self.flat, self.data.images[rows], self.data.labels[rows])
        (grad,) = torch.autograd.grad(loss, self.flat)
        with torch.no_grad():
            self.change(self.flat, grad, self.updates)

    def shuffle(self):
        self.orders.copy_(torch.stack([self.data.order() for _ in range(self.networks)]))

    def accuracies(self):
        self.pack.training = False
        images = self.data.images.expand(self.networks, *self.data.images.shape)
        with torch.no_grad():
            logits = self.pack(self.flat, pixels(images, False))
        self.pack.training = True
        return hits(logits, self.data.labels).tolist()
