"""The same network as other tools count it: what each reports for the file that we emit, batch 1, in eval mode.

The tools' names say FLOPs or MACs for different things. Each number is the tool's own output, double counts and blind
spots included, so that a figure from a paper or a blog can be checked. One thing is left out: thop and ptflops pass
over subclasses of `nn.Conv2d`, so for TensorFlow's padding (`PaddedConv2d`) they report less than what stands here.
"""

from scalec.network.network import Network, Stage, leaves

CONVENTIONS = {
    "macs": "multiply-adds of convolutions and linear layers: the paper's FLOPS",
    "fvcore": "FlopCountAnalysis.total(): multiply-adds, 2 an element for batch norm, 5 for other norms",
    "pycls": "complexity 'flops': multiply-adds, and one for each output of a layer with a bias",
    "thop": "profile(): multiply-adds, and 4 an element for batch norm",
    "ptflops": "get_model_complexity_info(): multiply-adds, biases, 2 an element for batch norm, activations",
}


def counted(part: Network | Stage, convention: str) -> int:
    """Count a network or a stage as a tool does. Raises `KeyError` for a tool that is not in `CONVENTIONS`."""
    assert CONVENTIONS[convention]
    return sum(leaf.operator.counted(convention, leaf.x, leaf.y) for leaf in leaves(part))
