"""murmur's words for a model (murmur train --help), for the peers that have none: named models, or layers."""

import re

NAMED = {
    "fc": "flatten linear50 dropout linear50 dropout linear",
    "vgg3": "conv32 norm conv32 norm pool dropout conv64 norm conv64 norm pool dropout "
    "conv128 norm conv128 norm pool dropout flatten linear128 dropout linear",
    "lenet5": "conv6k5 pool dropout conv16k5p0 pool dropout flatten linear120 dropout linear84 dropout linear",
    "resnet8": "conv16n residual16 residual32s2 residual64s2 globalpool dropout flatten linear",
}
CLASSES = 10


def image_of(model):
    """H, W, C of the images that the benchmarks train it on."""
    return (32, 32, 3) if model == "vgg3" else (28, 28, 1)


def numbers(letters, rest, word):
    """{"": 32, "k": 5} of "32k5"."""
    found = re.fullmatch(r"(\d*)" + "".join(rf"(?:{letter}(\d+))?" for letter in letters) + "(n?)", rest)
    if not found:
        raise ValueError(f"model: expected murmur's words for layers, got '{word}'")
    values = {letter: int(value) for letter, value in zip(("", *letters), found.groups()) if value}
    return values, bool(found.groups()[-1])


def convolution(filters, kernel=3, stride=1, padding=None):
    return ("conv", filters, kernel, stride, kernel // 2 if padding is None else padding)


def residual(filters, stride):
    inner = [convolution(filters, 3, stride), ("norm",), ("relu",), convolution(filters), ("norm",)]
    return ("residual", filters, stride, inner)


def layers_of(word):
    """The elementary layers of one word: tuples of a kind and its numbers."""
    kind = re.match(r"[a-z]+?(?=\d|$)", word)
    kind = kind.group() if kind else word
    rest = word[len(kind) :]
    if kind in ("flatten", "dropout", "norm", "layernorm", "globalpool") and not rest:
        return [("avgpool", 0) if kind == "globalpool" else (kind,)]
    if kind in ("pool", "avgpool"):
        return [("maxpool" if kind == "pool" else kind, int(rest or 2))]
    if kind == "linear":
        return [("linear", int(rest)), ("relu",)] if rest else [("linear", CLASSES)]
    values, has_norm = numbers({"conv": "ksp", "residual": "s", "depthwise": "sp"}.get(kind, ""), rest, word)
    if kind == "conv" and "" in values:
        conv = convolution(values[""], values.get("k", 3), values.get("s", 1), values.get("p"))
        return [conv, *([("norm",)] if has_norm else []), ("relu",)]
    if kind == "depthwise" and "" in values:
        kernel = values[""]
        return [("depthwise", kernel, values.get("s", 1), values.get("p", kernel // 2)), ("relu",)]
    if kind == "residual" and "" in values:
        return [residual(values[""], values.get("s", 1)), ("relu",)]
    raise ValueError(f"model: expected one of {', '.join(NAMED)} or murmur's words for layers, got '{word}'")


def parse(model):
    """The elementary layers of a named model or of words."""
    return [layer for word in NAMED.get(model, model).split() for layer in layers_of(word)]


def after(layer, shape):
    """The shape (H, W, C) or (features,) behind a layer."""
    kind = layer[0]
    if kind in ("conv", "depthwise"):
        kernel, stride, padding = layer[-3:]
        filters = layer[1] if kind == "conv" else shape[2]
        return tuple((n + 2 * padding - kernel) // stride + 1 for n in shape[:2]) + (filters,)
    if kind in ("maxpool", "avgpool"):
        window = layer[1]
        return (shape[0] // window, shape[1] // window, shape[2]) if window else (1, 1, shape[2])
    if kind == "residual":
        for inner in layer[3]:
            shape = after(inner, shape)
        return shape
    if kind == "flatten":
        return (shape[0] * shape[1] * shape[2],)
    return (layer[1],) if kind == "linear" else shape


def has_projection(layer, shape):
    """Of a residual: whether what came in goes through a 1 x 1 convolution."""
    return shape[2] != layer[1] or layer[2] != 1
