def channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions out as they are read fastest; maps follow them."""
    for weight in network.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
