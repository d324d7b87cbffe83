"""Costs as other tools count them: the numbers that they report for the emitted file, with batch 1 in eval mode.

The tools give the names FLOPs and MACs to different quantities. Each number here is the tool's own output, with its
double counts and omissions, so that a number from a paper or a blog can be checked. There is one exception: thop and
ptflops do not count subclasses of `nn.Conv2d`, so for TensorFlow's padding (`PaddedConv2d`) they report less than the
number here.
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
