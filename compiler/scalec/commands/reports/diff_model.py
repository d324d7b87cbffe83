"""The differences between two networks: costs, stages, requirements, and the keys and shapes of their weights."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import Literal

from scalec.commands.reports.diff_stages import details, is_same
from scalec.compiler import Loaded
from scalec.cost.count import Cost, cost
from scalec.cost.memory.peak import memory
from scalec.cost.requirements import BROKEN, Requirement, constrain
from scalec.diagnostics.diagnostic import CompileError, Report, plural
from scalec.emit.state_dict import Tensors, state_dict
from scalec.language import syntax as s
from scalec.language.unparse import spell
from scalec.network.network import Network, Stage, operator_name
from scalec.program.evaluate import Value
from scalec.program.memory_call import TRAINING
from scalec.program.setting import Setting
from scalec.record import record

Loads = Literal["strict", "partial", "no"]


@record
class Side:
    """One of two networks, with what is said of it: the spec's name, the scale, and a short name for both."""

    spec: str
    scale: str
    label: str
    network: Network
    requirements: tuple[Requirement, ...]

    @cached_property
    def cost(self) -> Cost:
        """Count it."""
        return cost(self.network)

    @cached_property
    def state(self) -> Tensors:
        """Return the keys and shapes of its weights."""
        return state_dict(self.network)

    @cached_property
    def figures(self) -> dict[str, int]:
        """Return what is compared of the whole network."""
        counted = self.cost
        return {
            "params": counted.params, "macs": counted.macs, "activations": counted.activations,
            "memory_inference": memory(self.network), "memory_training": memory(self.network, TRAINING),
        }  # fmt: skip


def side(loaded: Loaded, setting: Setting, spec: str, scale: str, label: str) -> Side:
    """Scale a spec. A requirement that does not hold is a result here. Raises `CompileError` for everything else."""
    network, report = loaded.network(setting), Report()
    requirements = constrain(network, loaded.named, report)
    if others := [each for each in report.diagnostics if each.code != BROKEN]:
        raise CompileError(others)
    return Side(spec, scale, label, network, requirements)


@record
class StageChange:
    """A stage before and after, or one that is there only then; `details` say in words what differs in its call."""

    before: Stage | None
    after: Stage | None
    details: tuple[str, ...] = ()
    is_same: bool = False

    @property
    def kind(self) -> str:
        """Return what became of it."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return "same" if self.is_same and not self.details else "changed"

    @property
    def stage(self) -> Stage:
        """Return the stage as it is, or was."""
        stage = self.after or self.before
        assert stage is not None
        return stage


@record
class RequirementChange:
    """A requirement before and after; nothing where the spec does not ask for it."""

    text: str
    before: Requirement | None
    after: Requirement | None

    @property
    def said(self) -> str:
        """Return the state in a word or two."""
        if self.before is None or self.after is None:
            there = self.after or self.before
            assert there is not None
            return f"{'new' if self.before is None else 'gone'}, {'holds' if there.holds else 'broken'}"
        now = "holds" if self.after.holds else "broken"
        return now if self.before.holds == self.after.holds else f"now {now}"


@record
class StateChange:
    """The keys of weights that came, went, or have another shape."""

    before: Tensors
    after: Tensors

    @cached_property
    def added(self) -> Tensors:
        """Return the keys that are new."""
        return {key: shape for key, shape in self.after.items() if key not in self.before}

    @cached_property
    def removed(self) -> Tensors:
        """Return the keys that are gone."""
        return {key: shape for key, shape in self.before.items() if key not in self.after}

    @cached_property
    def reshaped(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return the keys with another shape, and both shapes."""
        both = ((key, shape, self.after.get(key, shape)) for key, shape in self.before.items())
        return {key: (old, new) for key, old, new in both if old != new}

    @cached_property
    def groups(self) -> dict[str, tuple[int, int, int]]:
        """Count what was added, removed and reshaped by the first part of the keys, which is a stage's name."""
        counts: dict[str, list[int]] = {key.partition(".")[0]: [0, 0, 0] for key in {**self.after, **self.before}}
        for place, keys in enumerate((list(self.added), list(self.removed), list(self.reshaped))):
            for key in keys:
                counts[key.partition(".")[0]][place] += 1
        return {name: (count[0], count[1], count[2]) for name, count in counts.items() if any(count)}

    @property
    def loads(self) -> Loads:
        """Return how a checkpoint from before loads: PyTorch takes no other shape, not even with `strict=False`."""
        if self.reshaped or (self.before and not set(self.before) & set(self.after)):
            return "no"
        return "partial" if self.added or self.removed else "strict"


@record
class Diff:
    """Two networks, compared."""

    before: Side
    after: Side

    @cached_property
    def stages(self) -> tuple[StageChange, ...]:
        """Return the stages in order, those that are gone where they were."""
        return tuple(_stages(self.before.network.stages, self.after.network.stages))

    @cached_property
    def requirements(self) -> tuple[RequirementChange, ...]:
        """Return every requirement of either spec."""
        old, new = ({spell(each.expr): each for each in side.requirements} for side in (self.before, self.after))
        return tuple(RequirementChange(text, old.get(text), new.get(text)) for text in {**new, **old})

    @cached_property
    def state(self) -> StateChange:
        """Compare the weights."""
        return StateChange(self.before.state, self.after.state)

    @cached_property
    def parameters(self) -> dict[str, tuple[Value | None, Value | None]]:
        """Return the constructor's arguments whose values differ, or None for one that is not there."""
        old, new = self.before.network.parameters, self.after.network.parameters
        return {key: (old.get(key), new.get(key)) for key in {**new, **old} if old.get(key) != new.get(key)}

    @cached_property
    def same_network(self) -> bool:
        """Return whether both compute the same of the same weights, in training as well."""
        names = [[stage.name for stage in side.network.stages] for side in (self.before, self.after)]
        return (
            self.before.network.x == self.after.network.x
            and names[0] == names[1]
            and all(each.is_same for each in self.stages)
            and not self.parameters
        )

    @property
    def equal(self) -> bool:
        """Return whether nothing differs: not the networks, nor the keys, nor what is required of them."""
        decided = [
            [(spell(each.expr), each.holds, each.values) for each in side.requirements]
            for side in (self.before, self.after)
        ]
        same_name = self.before.network.name == self.after.network.name
        return self.same_network and same_name and self.state.before == self.state.after and decided[0] == decided[1]

    @property
    def verdict(self) -> str:
        """Return a sentence: whether checkpoints from before still load."""
        state = self.state
        said = {"as written": "the spec as written"}  # a column's head, put into a sentence
        old, new = (said.get(each.label, each.label) for each in (self.before, self.after))
        if state.loads == "strict":
            strict = f"A checkpoint of {old} loads into {new}: every key and shape is the same."
            other = " It is another network all the same: compare outputs before you rely on it."
            return strict + ("" if self.same_network else other)
        if state.loads == "partial":
            parts = [f"{len(state.added):,} would keep initial values"] if state.added else []
            parts += [f"{len(state.removed):,} would be passed over"] if state.removed else []
            return f"A checkpoint of {old} loads into {new} with strict=False only: of its keys {' and '.join(parts)}."
        if not state.reshaped:
            return f"Nothing of a checkpoint of {old} loads into {new}: no key is the same."
        why = f"{plural(len(state.reshaped), 'shape')} differ{'s' if len(state.reshaped) == 1 else ''}"
        return f"A checkpoint of {old} does not load into {new}, not even with strict=False: {why}."


def _stages(before: Sequence[Stage], after: Sequence[Stage]) -> Iterator[StageChange]:
    """Match stages that read alike; between them those of one name, or one by one where there are as many."""
    matcher = SequenceMatcher(None, [_key(each) for each in before], [_key(each) for each in after], autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        old, new = before[low:high], after[start:end]
        pairs = {i: i for i in range(len(old))} if tag == "equal" else dict(_pairs(old, new))
        placed = 0
        for position, stage in enumerate(new):
            if position in pairs:
                yield from (StageChange(gone, None) for i, gone in enumerate(old[: pairs[position]]) if placed <= i)
                placed = pairs[position] + 1
                yield _change(old[pairs[position]], stage)
            else:
                yield StageChange(None, stage)
        yield from (StageChange(gone, None) for gone in old[placed:])


def _pairs(old: Sequence[Stage], new: Sequence[Stage]) -> Iterator[tuple[int, int]]:
    """Return which stage was which one, places only rising."""
    place = 0
    for position, stage in enumerate(new):
        found = [i for i in range(place, len(old)) if old[i].name == stage.name]
        found += [i for i in range(place, len(old)) if len(old) == len(new) and i == position]
        if found:
            yield position, found[0]
            place = found[0] + 1


def _key(stage: Stage) -> tuple[str, str]:
    head = stage.unit.head
    call = spell(head) if isinstance(head, s.Call) else operator_name(stage.unit, stage.layers[0])
    return stage.unit.label.key if stage.unit.label else "", call


def _change(before: Stage, after: Stage) -> StageChange:
    renamed = [f"was {before.name}"] if before.name != after.name else []
    return StageChange(before, after, (*renamed, *details(before, after)), is_same(before, after))
