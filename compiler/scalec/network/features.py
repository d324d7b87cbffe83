"""The feature maps of a network: their stages, and how many image rows correspond to one row of each map."""

from dataclasses import replace

from scalec.diagnostics.diagnostic import UNKNOWN
from scalec.diagnostics.source import Part
from scalec.diagnostics.suggest import suggest
from scalec.network.network import Leaf, Network, Stage
from scalec.program.setting import command_error
from scalec.record import record


@record
class Feature:
    """What a stage gives: its channels, and the image's height over its own."""

    stage: Stage
    reduction: int

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name


def features(network: Network) -> list[Feature]:
    """Return every stage that makes a map of its own; pools over the whole map and activations do not."""
    found: list[Feature] = []
    reduction = 1
    for stage in network.stages:
        first = stage.layers[0]
        if not stage.y.is_map or (
            isinstance(first, Leaf) and (first.operator.functional or first.operator.rewriting.per_element)
        ):
            continue
        reduction *= max(1, (2 * stage.x.height + stage.y.height) // (2 * stage.y.height))
        found.append(Feature(stage, reduction))
    return found


def feature_info(network: Network) -> list[Feature]:
    """Return the features of `FEATURE_INFO`: the outputs of a feature network, else stages with a `tap`, else all."""
    every = features(network)
    if network.outputs:
        return [feature for feature in every if feature.name in network.outputs]
    return [feature for feature in every if feature.stage.unit.tap] or every


def body(network: Network, plain: Network, names: tuple[str, ...]) -> Network:
    """Cut a network behind the last of the stages that are named, and make their maps its outputs.

    Without names: those with a `tap`; without any, the last stage of each size, as detection heads take them, the
    layers behind the last repeated stage left out. Sizes are those of `plain`, the network with all of its strides.
    Raises `CompileError` for a name that no feature has.
    """
    every = features(plain)
    known = [feature.name for feature in every]
    for name in names:
        if name not in known:
            message = f"there is no stage `{name}` with a feature map"
            raise command_error(
                "E501",
                message,
                Part("--tap ", "tap"),
                name,
                UNKNOWN,
                suggest(name, known) or f"there are {', '.join(known)}",
            )
    chosen = [f for f in every if f.name in names] or [f for f in every if f.stage.unit.tap] or _last_of_each(every)
    if not chosen:
        raise command_error(
            "E501", "the network has no feature maps", Part("", "features"), "--features", "there is nothing to give"
        )
    last = plain.stages.index(chosen[-1].stage)
    return replace(network, stages=network.stages[: last + 1], outputs=tuple(f.name for f in chosen))


def _last_of_each(every: list[Feature]) -> list[Feature]:
    repeated = [index for index, feature in enumerate(every) if feature.stage.unit.repeat]
    kept = every[: repeated[-1] + 1] if repeated else every
    return list({feature.reduction: feature for feature in kept}.values())
