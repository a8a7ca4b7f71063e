"""murmur's initial weights, from the addresses of its random numbers (engine/random, kernels/initialize.cu)."""

import numpy as np

INIT_SCALE = 8  # the number of the technique, part of the address
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(positions, site, key):
    """Philox4x32-10: four words for each position under one 64-bit key. Shape [n, 4]."""
    positions = positions.astype(np.uint64)
    c0, c1 = positions & LOW, positions >> HALF
    c2, c3 = np.full_like(c0, site), np.zeros_like(c0)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1 = (b >> HALF) ^ c1 ^ np.uint64(k0), b & LOW
        c2, c3 = (a >> HALF) ^ c3 ^ np.uint64(k1), a & LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1)


def normals(words):
    """Box & Muller: each pair of words is a radius and an angle."""
    uniform = ((words[:, 0::2] >> np.uint64(9)) + 0.5) * 2.0**-23
    angle = 2 * np.pi * ((words[:, 1::2] >> np.uint64(7)) + 0.5) * 2.0**-25
    radius = np.sqrt(-2 * np.log(uniform))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2).reshape(len(words), 4)


def initial_kernel(layer, seed, out_features, in_features, scale):
    """The kernel [out, in] of linear layer number `layer` in the network of this seed."""
    count = out_features * in_features
    words = philox(np.arange((count + 3) // 4), INIT_SCALE << 24 | layer, seed)
    return (scale * normals(words).reshape(-1)[:count]).astype(np.float32).reshape(out_features, in_features)
