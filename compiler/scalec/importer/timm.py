"""Converts timm's architecture definitions to a spec, including the parts that only timm's code contains."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from scalec.diagnostics.diagnostic import Report, plural
from scalec.diagnostics.source import Source, Span
from scalec.importer.arch import Block, read_arch
from scalec.importer.blocks import write_blocks, written_for
from scalec.importer.options import ONE, TimmOptions, make_divisible, scaled_repeats, to_multiple
from scalec.importer.spec import Commented, Draft, Stage, defaults, number
from scalec.importer.writer import Style, Written

_LONGEST = 88  # columns for the call of a block, so that a stage fits on a line


def import_timm(source: Source, name: str, call: str, options: TimmOptions, report: Report) -> Draft:
    """Read a definition and write it as a spec. Raises `CompileError`."""
    stages = read_arch(source, report)
    if len(options.depth_multiplier) not in (1, len(stages)):
        said = f"{len(options.depth_multiplier)} depth multipliers for {plural(len(stages), 'stage')}"
        report.error("E106", said, Span(source, 0, 0), help="give one, or one for each stage")
    importer = _Importer(stages, name, call, options)
    importer.check(report)
    report.stop_on_error()
    return importer.draft()


class _Importer:
    """One definition and its options, on the way to a draft."""

    def __init__(self, stages: list[list[Block]], name: str, call: str, options: TimmOptions) -> None:
        self.stages, self.options, self.name, self.call = stages, options, name, call
        self.several = any(len(stage) > 1 for stage in stages)
        depths = options.depth_multiplier
        self.dealt = len(depths) > 1 or (self.several and depths[0] != 1)
        """Whether no rule of the language says how timm scales repeats: then they stand in the spec as they come."""
        self.depths = depths * len(stages) if len(depths) == 1 else depths
        self.blocks = [self._grouped(block) for stage in stages for block in stage]
        self.style = self._style()
        self.written = write_blocks(self.blocks, self.style)

    def _grouped(self, block: Block) -> Block:
        if block.group_size is not None or self.options.group_size is None or block.kind in ("cn", "uir"):
            return block
        return replace(block, group_size=self.options.group_size)

    def _style(self) -> Style:
        options = self.options
        whole = all(block.expansion.denominator == 1 for block in self.blocks)
        stem_fits = not options.fix_stem or self._stem() % 8 == 0
        forced_fits = all(block.forced % 8 == 0 or options.channel_multiplier != 1 for block in self.blocks)
        plain = whole and options.channel_divisor % 8 == 0 and stem_fits and forced_fits
        eighths = (Fraction(9, 10), 8)
        rule = None if plain else "multiple" if self._rounding() == eighths else "expanded_to"
        squeeze = (options.squeeze_limit, options.squeeze_divisor)
        if options.squeeze_divisor == 1:
            squeeze_rule = "round_even"
        else:
            squeeze_rule = "multiple" if self._rounding() == squeeze else "squeezed_to"
        return Style(
            options.activation,
            options.from_expanded,
            squeeze_rule,
            options.squeeze_activation,
            options.squeeze_gate,
            rule,
            bool(options.drop_path),
        )

    def _rounding(self) -> tuple[Fraction, int]:
        return self.options.round_limit, self.options.channel_divisor

    def _stem(self) -> int:
        return self.options.stem or (32 if self.options.efficient else 16)

    def check(self, report: Report) -> None:
        """Refuse what no network can be: groups that do not divide channels, a squeeze to nothing."""
        channels = self._stem() if self.options.fix_stem else self._width(self._stem())
        for block in self.blocks:
            widths = (channels, channels := self._width(block.channels))
            for c_in in widths if block.repeats > 1 else widths[:1]:
                self._check_block(block, c_in, channels, report)

    def _check_block(self, block: Block, c_in: int, c_out: int, report: Report) -> None:
        source = self._width(block.forced) if block.forced else c_in
        inner = make_divisible(source * block.expansion) if block.kind in ("ir", "er", "uir") else c_in
        grouped = c_in if block.kind == "er" else inner
        size = block.group_size or inner
        before, after = Fraction(len(block.before)), Fraction(len(block.after))
        groups = [("gs", grouped, Fraction(inner, size)), ("p", inner, after), ("p", c_out, after)]
        groups += [("a", c_in, before), ("a", inner, before)]
        for key, channels, count in groups:
            if count.denominator != 1 or channels % count:
                shown = f"{inner} channels" if count.denominator != 1 else f"{channels} channels into {count}"
                message = f"groups of {size} do not divide {shown}" if key == "gs" else f"no way to divide {shown}"
                report.error("E304", message, block.spans.get(key, block.span), f"on {c_in} channels, scaled")
                return
        share = block.squeeze * (inner if self.options.from_expanded else Fraction(inner) / block.expansion)
        if block.squeeze and self.options.squeeze_divisor == 1 and round(share) < 1:
            at = block.spans["se"]
            report.error("E305", "the squeeze leaves no channel", at, f"{float(share):.3g} of {inner} channels")

    def _width(self, channels: int) -> int:
        limit, divisor = self._rounding()
        return make_divisible(channels * self.options.channel_multiplier, divisor, limit)

    def draft(self) -> Draft:
        """Put the spec together."""
        options = self.options
        used: list[Written] = []
        for block in self.blocks:
            written = written_for(block, self.written)
            if written not in used:
                used.append(written)
        squeezes = any("SqueezeExcite" in written.imports for written in used)
        imports = {"ConvAct", *(name for written in used for name in written.imports)}
        helpers = dict(sorted(pair for written in used for pair in written.helpers.items()))
        said = "# Depthwise convolutions of several kernels, each for its share of the channels.\n"
        mixes = [said * (index == 0) + text for index, text in enumerate(helpers.values())]
        draft = Draft(self.name, self._heading(), sorted(imports))
        draft.groups = [self._params(), self._lets(), self._scale(), self._defaults(used, squeezes)]
        draft.blocks = [*mixes, *(written.text for written in used if written.text)]
        draft.arguments = f"classes = 1000, dropout = {number(options.dropout)}"
        draft.resolution = options.resolution
        draft.stages = self._stages()
        draft.tail = self._tail()
        return draft

    def _heading(self) -> list[str]:
        heading = [f"{self.name}, imported from timm: {self.call}"]
        if any(block.squeeze for block in self.blocks):
            of = "expanded channels" if self.options.from_expanded else "block's input channels"
            divisor = self.options.squeeze_divisor
            rounded = "the nearest whole number" if divisor == 1 else f"a multiple of {divisor}"
            heading.append(f"A squeeze (`se`) leaves that share of the {of}, rounded to {rounded}.")
        if self.dealt:
            shown = ", ".join(map(number, self.options.depth_multiplier))
            why = "a stage's sum is dealt out over its lines" if self.several else "one for each stage"
            heading.append(f"The repeats are those that timm's depth multiplier of {shown} leaves ({why}).")
        elif self.several:
            heading.append("timm scales the sum of a stage's repeats; here each line of a stage is scaled by itself.")
        if not self.options.drop_path:
            heading.append("Training skips no layer, as in this call; `--drop-path 0.2` adds that.")
        return heading

    def _params(self) -> list[Commented]:
        options = self.options
        settings = f"param padding = {options.padding}, epsilon = {number(options.bn_eps)}"
        settings += f", momentum = {number(options.bn_momentum)}"
        usual = (options.padding, options.bn_eps, options.bn_momentum) == (
            "symmetric",
            Fraction(1, 100_000),
            Fraction(1, 10),
        )
        drop = "probability to skip layer i of N: drop_path · i / N"
        told = "PyTorch's; timm's tf_ models: same, 0.001, 0.1" if usual else ""
        lines = [("param φ = 0", ""), (settings, told)]
        return [*lines, (f"param drop_path = {number(options.drop_path)}", drop)] if options.drop_path else lines

    def _lets(self) -> list[Commented]:
        options = self.options
        depth = ONE if self.dealt else options.depth_multiplier[0]
        width = options.channel_multiplier
        factors = [
            f"{number(factor)} · {base}^φ" if factor != 1 else f"{base}^φ"
            for factor, base in ((depth, "α"), (width, "β"))
        ]
        named = [name for name, factor in (("depth", depth), ("channel", width)) if factor != 1]
        told = f"timm's {' and '.join(named)} multiplier{'s' if len(named) > 1 else ''}, at φ = 0" if named else ""
        lets = [
            ("let α = 1.2, β = 1.1, γ = 1.15", "EfficientNet's, to scale it from here: timm has no such rule"),
            (f"let d = {factors[0]}, w = {factors[1]}, r = γ^φ", told),
        ]
        said = {"multiple": "timm's make_divisible", "width": "timm's round_channels"}
        return lets + [(f"let {name}(c) = {rule}", said.get(name, "")) for name, rule in self._rules().items()]

    def _rules(self) -> dict[str, str]:
        """Name the roundings that more than `scale` needs."""
        rules = {}
        if self._uses("multiple"):
            rules["multiple"] = to_multiple("c", *self._rounding())
        if self._uses("expanded_to"):
            rules["expanded_to"] = to_multiple("c", Fraction(9, 10), 8)
        if self._uses("squeezed_to"):
            rules["squeezed_to"] = to_multiple("c", self.options.squeeze_limit, self.options.squeeze_divisor)
        if any(block.forced for block in self.blocks) or self._head_scaling() == "at-least":
            product = "w · c"
            rules["width"] = f"multiple({product})" if "multiple" in rules else to_multiple(product, *self._rounding())
        return rules

    def _uses(self, rule: str) -> bool:
        """Return whether a let is called: by expanded channels, or by a squeeze that is there."""
        if self.style.expansion_rule == rule:
            return True
        return self.style.squeeze_rule == rule and any(block.squeeze for block in self.blocks)

    def _scale(self) -> list[Commented]:
        rules = self._rules()
        rounding = "multiple(w · C)" if "multiple" in rules else to_multiple("w · C", *self._rounding())
        rounding = "width(C)" if "width" in rules else rounding
        trunc = self.options.depth_trunc == "round"
        depth = "max(1, round_even(d · L))" if trunc and not self.dealt else "ceil(d · L)"
        return [
            (f"scale L → {depth}", "" if self.dealt else f"timm's depth_trunc = {self.options.depth_trunc}"),
            (f"scale C → {rounding}", "" if "width" in rules else "timm's round_channels"),
            ("scale H → round(r · H)", "timm has no rule for the resolution"),
            ("scale W → round(r · W)", ""),
        ]

    def _defaults(self, used: Sequence[Written], squeezes: bool) -> list[Commented]:
        style = self.style
        items = [
            "Conv(padding = padding)",
            "Depthwise(padding = padding)",
            "BatchNorm(eps = epsilon, momentum = momentum)",
        ]
        lines = defaults(items)
        more = [f"ConvAct(act = {style.act})"] if style.act != "SiLU" else []
        if squeezes:
            act = style.squeeze_act or style.act
            given = [f"act = {act}"] if act != "SiLU" else []
            given += [f"gate = {style.gate}"] if style.gate != "Sigmoid" else []
            more += [f"SqueezeExcite({', '.join(given)})"] if given else []
        more += [text for written in used for text in written.defaults]
        return lines + defaults(more)

    def _stages(self) -> list[Stage]:
        options = self.options
        called = {id(block): written_for(block, self.written).call(block) for block in self.blocks}
        if max(map(len, called.values())) > _LONGEST:
            called = {key: _positional(text) for key, text in called.items()}
        size = -(-options.resolution // 2)
        kernel = f"kernel = {options.stem_kernel}, stride = 2"
        pin = "=" if options.fix_stem else ""
        stages = [Stage(f"stem: ConvAct({kernel})", shape=(str(size), str(size), f"{pin}{self._stem()}"))]
        last = len(self.stages) - 1
        blocks = iter(self.blocks)
        for index, stage in enumerate(self.stages):
            fixed = options.fix_first_last and index in (0, last)
            counts = [block.repeats for block in stage]
            if self.dealt and not fixed:
                counts = scaled_repeats(counts, self.depths[index], options.depth_trunc)
            for count in counts:
                block = next(blocks)
                size = -(-size // block.stride)
                shape = (str(size), str(size), str(block.channels))
                stages.append(Stage(called[id(block)], f"^={count}" if fixed else f"^{count}", shape))
        if options.efficient and options.head:
            stages.append(Stage("head: ConvAct(kernel = 1)", shape=(str(size), str(size), self._head())))
        return stages

    def _head_scaling(self) -> str:
        return self.options.head_scaling or ("scaled" if self.options.efficient else "fixed")

    def _head(self) -> str:
        head = self.options.head
        return {"scaled": f"{head}", "fixed": f"={head}", "at-least": f"=max({head}, width({head}))"}[
            self._head_scaling()
        ]

    def _tail(self) -> str:
        options = self.options
        end = "dropout: Dropout(dropout) ⊙ classifier: Linear → <classes>"
        if options.efficient or not options.head:
            return f"pool: GlobalAvgPool ⊙ {end}"
        if options.head_norm:
            return f"pool: GlobalAvgPool ⊙ head: ConvAct(kernel = 1) → {self._head()}\n  ⊙ {end}"
        bias = "" if options.no_head_bias else ", bias = true"
        return f"pool: GlobalAvgPool ⊙ head: (Conv(1{bias}) → {self._head()} ⊙ {options.activation})\n  ⊙ {end}"


def _positional(call: str) -> str:
    """Leave out the names of the first two arguments, which are those that every call gives."""
    head, bracket, rest = call.partition("(")
    return head + bracket + re.sub(r"(?:^|(?<=, ))(?:expansion|kernel|depthwise|start) = ", "", rest)
