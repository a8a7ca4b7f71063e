"""Reads a safetensors file of murmur by hand, and compares the outputs of its networks with PyTorch's.

Usage: weights_in_pytorch.py FILE MODEL NUM_NETWORKS

FILE has the weights as murmur exports them, and images [N, H, W, C] u8 and logits [P, N, K] that murmur computed, as
"test.images" and "test.logits". The networks are those of bench/peers/models.py with PyTorch's own flatten: a PyTorch
user's columns behind it are in channel-first order.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench" / "peers"))
import models  # noqa: E402

DTYPES = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I32": "<i4", "I64": "<i8"}
TOLERANCE = 1e-4


def read(path):
    """The tensors of a safetensors file by name, and its metadata."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    assert size % 8 == 0, "the data begin at a multiple of 8"
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors, places = {}, []
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        places.append((begin, end))
        dtype = np.dtype(DTYPES[entry["dtype"]])
        assert begin % dtype.itemsize == 0, name
        tensors[name] = np.frombuffer(data[8 + size :][begin:end], dtype).reshape(entry["shape"])
    places.sort()
    assert places[0][0] == 0 and places[-1][1] == len(data) - 8 - size
    assert all(end == begin for (_, end), (begin, _) in zip(places, places[1:])), "tensors lie one behind the other"
    return tensors, metadata


def name_layers(network):
    """The layers with weights under murmur's names: of a kind numbered from 1, a residual block's within it."""
    kinds = {nn.Conv2d: "conv", nn.Linear: "linear", nn.BatchNorm2d: "norm", models.Residual: "residual"}
    counts, named = {}, {}
    for layer in network:
        if type(layer) not in kinds:
            continue
        kind = kinds[type(layer)]
        counts[kind] = counts.get(kind, 0) + 1
        name = f"{kind}{counts[kind]}"
        if kind != "residual":
            named[name] = layer
            continue
        named[f"{name}.conv1"], named[f"{name}.norm1"] = layer.inner[0], layer.inner[1]
        named[f"{name}.conv2"], named[f"{name}.norm2"] = layer.inner[3], layer.inner[4]
        if not isinstance(layer.skip, nn.Identity):
            named[f"{name}.projection"], named[f"{name}.projection_norm"] = layer.skip
    return named


def load(network, weights):
    """Puts every tensor where its name says; all must be there, and none besides."""
    state = {}
    for name, layer in name_layers(network).items():
        for part in layer.state_dict():
            if part != "num_batches_tracked":
                state[f"{name}.{part}"] = layer.state_dict()[part]
    assert state.keys() == weights.keys(), state.keys() ^ weights.keys()
    with torch.no_grad():
        for name, tensor in state.items():
            assert list(tensor.shape) == list(weights[name].shape), (name, tensor.shape, weights[name].shape)
            tensor.copy_(torch.from_numpy(weights[name].copy()))


def main(path, model, num_networks):
    tensors, metadata = read(path)
    images, logits = tensors.pop("test.images"), tensors.pop("test.logits")
    assert metadata["model"] == model
    assert logits.shape[0] == num_networks
    models.Flatten = nn.Flatten
    _, height, width, channels = images.shape
    x = torch.from_numpy(images.copy()).permute(0, 3, 1, 2).double() / 255
    for k in range(num_networks):
        own = tensors if num_networks == 1 else {name: values[k] for name, values in tensors.items()}
        network = models.build(model, height, width, channels)
        load(network, own)
        with torch.no_grad():
            expected = network.double().eval()(x).numpy()
        error = np.abs(expected - logits[k]).max()
        assert error < TOLERANCE, f"{model}, network {k}: logits differ by {error}"
        # Weights that have learnt nothing, or are all alike, would prove nothing.
        assert np.abs(expected).max() > 100 * TOLERANCE and np.ptp(expected, axis=0).max() > 100 * TOLERANCE
    print(f"{model}: {num_networks} networks agree, the last to {error:.1e}, logits to {np.abs(expected).max():.2f}")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
