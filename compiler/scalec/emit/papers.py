"""Lists the papers of a network: those that its spec cites, and those of the blocks that the network contains."""

from collections.abc import Iterator

from scalec.emit.layout import WIDTH
from scalec.language.citation import address, at_address
from scalec.network.network import Block, Network, Node, children
from scalec.program.program import BlockDef

HEADING = "Papers:"


def papers(network: Network) -> dict[str, list[str]]:
    """Return each paper, and the blocks that it is cited for: none if it is the network's own."""
    own, found = network.program.file, dict[str, list[str]]()
    for cite in own.cites:
        if not cite.blocks:
            found |= {paper.key: [] for paper in cite.papers}
    general = set(found)
    for block in _blocks(network):
        for file in dict.fromkeys((own, block.home)):
            for cite in file.cites:
                named = any(file.blocks[name.key] is block for name in cite.blocks)
                if named or (not cite.blocks and file is not own):
                    for paper in cite.papers:
                        names = found.setdefault(paper.key, [])
                        if paper.key not in general and block.name not in names:
                            names.append(block.name)
    return found


def lines(network: Network) -> list[str]:
    """List the papers by their addresses, for the head of a file."""
    listed = [line for paper, blocks in papers(network).items() for line in _line(paper, blocks)]
    return ["", HEADING, *listed] if listed else []


def read(head: str) -> list[str]:
    """Return the papers that a head lists, and nothing that is no paper's address."""
    found, listing = list[str](), False
    for line in head.splitlines():
        if listing and line.startswith("  "):
            paper = at_address(line.strip().partition(" ")[0])
            found += [paper] if paper and paper not in found else []
        else:
            listing = line == HEADING
    return found


def _line(paper: str, blocks: list[str]) -> Iterator[str]:
    """Write a paper, and behind it, or on lines below, the blocks."""
    text = f"  {address(paper)}"
    for index, name in enumerate(blocks):
        piece = f"{'(' if index == 0 else ''}{name}{')' if index == len(blocks) - 1 else ','}"
        if len(text) + 1 + len(piece) > WIDTH:
            yield text
            text = f"   {' ' if index else ''}"
        text += f" {piece}"
    yield text


def _blocks(network: Network) -> dict[BlockDef, None]:
    """Return the blocks that are used, in the order in which the data meets them."""
    found: dict[BlockDef, None] = {}
    _visit(network, found)
    return found


def _visit(part: Node | Network, found: dict[BlockDef, None]) -> None:
    if isinstance(part, Block):
        found.setdefault(part.definition)
    for node in children(part):
        _visit(node, found)
