def fold(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the training file's state_dict into this file's: layers take up batch norms."""
    folded = dict(state)
    for key in state:
        for norm, layer, eps in FOLDED:
            if f".{key}".endswith(f".{norm}.running_var"):
                prefix = key.removesuffix(f"{norm}.running_var")
                fold_one(folded, prefix + layer, prefix + norm, eps)
                break
    return folded


def fold_one(state: dict[str, Tensor], layer: str, norm: str, eps: float) -> None:
    """Let a layer give what the batch norm behind it would; worked out in float64."""
    names = ("weight", "bias", "running_mean", "running_var")
    scale, shift, mean, variance = (state.pop(f"{norm}.{n}").double() for n in names)
    state.pop(f"{norm}.num_batches_tracked", None)
    scale = scale / torch.sqrt(variance + eps)
    weight = state[f"{layer}.weight"]
    bias = state.get(f"{layer}.bias", torch.zeros_like(mean))
    by_channel = scale.reshape(-1, *[1] * (weight.dim() - 1))
    state[f"{layer}.weight"] = (weight * by_channel).to(weight.dtype)
    state[f"{layer}.bias"] = ((bias - mean) * scale + shift).to(weight.dtype)
