"""The run of `scalec search`: it lists candidates, prints a plan, searches, and writes the result."""

import argparse
import signal
import sys
from collections.abc import Mapping
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import FrameType

from scalec.commands.options import load, show
from scalec.compiler import Loaded
from scalec.diagnostics.diagnostic import CompileError, Report
from scalec.diagnostics.exit_codes import DONE, NO_ACCESS, WRONG_INPUT, fail
from scalec.diagnostics.text import printable
from scalec.files import replace_file
from scalec.language import syntax as s
from scalec.program.evaluate import Value
from scalec.program.request import Request
from scalec.program.search_statement import LEAST_SEEDS, Sought, sought
from scalec.program.setting import Setting, command_error, constant, make_setting, usage_error
from scalec.search.candidates import Candidates, candidates, maximal
from scalec.search.engine import Options
from scalec.search.result import as_text, failed, result_path
from scalec.search.selection import Found, Plan, hunt
from scalec.search.source import Source, SourceError, find_source
from scalec.search.store import Busy, Store, StoreError
from scalec.search.tables import candidate_table, cost_lines, found_lines, provenance, sentence
from scalec.search.worker import work as take_work
from scalec.search.writeback import NotWritten, write_back
from scalec.solve.pareto import Entangled

QUICK = {"epochs": 4, "images": 1000}
"""The budget of `--quick`, which also has two finalists: to see it run, not to rank."""
_LIMITS = {"flops": "FLOPS", "params": "params", "activations": "activations", "memory": "memory"}


def budget_of(arguments: argparse.Namespace) -> dict[str, float]:
    """Return what `--quick` and `--budget` ask for together."""
    return {**(QUICK if arguments.quick else {}), **(arguments.budget or {})}


def options_of(arguments: argparse.Namespace) -> Options:
    """Return how trials are run, as the command line asks."""
    jobs = arguments.jobs or max(1, len(arguments.gpus))
    return Options(
        jobs, arguments.threads, arguments.gpus, arguments.timeout, arguments.retries, progress=True,
        launcher=arguments.launcher,
    )  # fmt: skip


def store_of(arguments: argparse.Namespace) -> Store:
    """Return where outcomes are kept, as the command line asks."""
    folder = Path(arguments.store) if arguments.store else Path(".scalec") / "search"
    return Store(folder, arguments.storage, arguments.heartbeat)


def stop_on_terminate() -> None:
    """Let a polite request to end (SIGTERM) be what Ctrl-C is."""

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def work(arguments: argparse.Namespace) -> int:
    """Be a worker."""
    stop_on_terminate()
    try:
        done = take_work(store_of(arguments), arguments.accuracy, arguments.data, options_of(arguments), arguments.idle)
    except (SourceError, StoreError) as error:
        return fail(str(error), NO_ACCESS)
    print(f"nothing more to do; {done} trainings ended here")
    return DONE


def search(arguments: argparse.Namespace) -> int:
    """Search, or say what there is to search. Raises `CompileError`."""
    loaded = load(arguments.spec, arguments)
    loaded.named("baseline")
    if not arguments.free and loaded.program.search is None:
        return _nothing_sought(loaded, arguments)
    source, refused = _source(arguments)
    if refused and not arguments.dry_run:
        return fail(refused, NO_ACCESS)
    found, plan = _plan(loaded, source, arguments)
    if not found.chosen:
        print("\n".join(_none(found)))
        return fail("no candidate is left", WRONG_INPUT) if not refused else fail(refused, NO_ACCESS)
    if arguments.dry_run:
        print("\n".join([*candidate_table(found), "", *cost_lines(plan)]))
        refused = refused or why_refused(plan.store, plan.options)
        return DONE if not refused else fail(refused, NO_ACCESS)
    stop_on_terminate()
    try:
        result = hunt(plan)
        return _told(result, plan, found, arguments)
    except (Busy, StoreError) as error:
        return fail(str(error), NO_ACCESS)
    except NotWritten as error:
        return fail(f"not written: {error}", WRONG_INPUT)


def _nothing_sought(loaded: Loaded, arguments: argparse.Namespace) -> int:
    help = "write `search α, β, γ from 1 to 2 by 0.05 where α · β² · γ² ≈ 2 ± 0.1`, or use --free d,w,r"
    error = command_error("E501", "the spec has no `search`", "search ", arguments.spec, help=help)
    show(error.diagnostics, arguments)
    return WRONG_INPUT


def why_refused(store: Store, options: Options) -> str | None:
    """Return why the run that a dry run tells of could not begin, if it could not."""
    import_module("optuna")
    if options.launcher == "slurm":
        import_module("submitit")
    try:
        store.try_out()
    except StoreError as error:
        return str(error)
    return None


def _plan(loaded: Loaded, source: Source, arguments: argparse.Namespace) -> tuple[Candidates, Plan]:
    if arguments.free:
        base = make_setting(loaded.program, Request(changes=tuple(arguments.changes)))
        found, seeds, validate = _maximal(loaded, arguments, base), LEAST_SEEDS, None
        fixed: Mapping[str, Value] = {**base.names, **base.parameters}
    else:
        wanted = _sought(loaded)
        found = candidates(loaded, wanted, arguments.match)
        fixed, seeds, validate = wanted.fixed, wanted.seeds, wanted.validate
    finalists = (2 if arguments.quick else 4) if arguments.finalists is None else int(arguments.finalists)
    return found, Plan(
        loaded, found.chosen, fixed, int(arguments.seeds or seeds), source, store_of(arguments),
        options_of(arguments), validate if finalists else None, finalists,
    )  # fmt: skip


def _source(arguments: argparse.Namespace) -> tuple[Source, str | None]:
    """Find where accuracy comes from; or why that cannot run, and what a dry run can do with."""
    budget = budget_of(arguments)
    try:
        return find_source(arguments.accuracy, arguments.data, budget, arguments.launcher == "local"), None
    except SourceError as error:
        return Source("", (), arguments.data, budget, {}), str(error)


def _sought(loaded: Loaded) -> Sought:
    report = Report()
    found = sought(loaded.program, report)
    report.stop_on_error()
    assert found is not None
    return found


def _maximal(loaded: Loaded, arguments: argparse.Namespace, base: Setting) -> Candidates:
    names = [s.ascii_name(name.strip()) for name in arguments.free.split(",")]
    for name in names:
        if names.count(name) > 1:
            raise usage_error("E104", f"`{name}` is named twice", "--free ", arguments.free)
        if name not in loaded.program.file.constants():
            raise command_error("E501", f"there is no let `{name}` that can be free", "--free ", arguments.free)
    budgets = {
        quantity: _positive(f"--{option} ", text)
        for option, quantity in _LIMITS.items() if (text := getattr(arguments, option)) is not None
    }  # fmt: skip
    try:
        return maximal(loaded, names, budgets, base, _positive("--from ", arguments.low))
    except Entangled as error:
        raise command_error("E501", str(error), "--free ", arguments.free) from None


def _positive(head: str, text: str) -> Fraction:
    value = constant(head, text)
    if not isinstance(value, Fraction) or value <= 0:
        raise usage_error("E203", "expected a number above 0", head, text, help="write `0.6M` or `8GiB`")
    return value


def _none(found: Candidates) -> list[str]:
    return [f"of {found.points:,} points", *(f"  {n:,} left out: {why}" for why, n in found.dropped.items())]


def _told(found: Found, plan: Plan, chosen: Candidates, arguments: argparse.Namespace) -> int:
    """Write the result, print it, and put the constants into the spec if that is asked for."""
    mode = "maximal" if arguments.free else arguments.match
    path = Path(arguments.spec)
    if found.winner is None:
        print("\n".join(failed(found.first, [each.name for each in plan.candidates])), file=sys.stderr)
        kept = f"; what they printed is in {plan.store.logs}" if plan.store.logs.is_dir() else ""
        return fail(f"no candidate could be trained with every seed{kept}", WRONG_INPUT)
    said = sentence(found, plan, mode)
    text, beside = as_text(found, plan, chosen, mode, said), result_path(path)
    replace_file(beside, text.encode())
    print(text if arguments.format == "json" else "\n".join([*found_lines(found, plan), "", said]))
    print(f"{printable(str(beside))}: written", file=sys.stderr)
    if arguments.write:
        values = dict(plan.candidates[found.winner].values)
        try:
            changed = write_back(plan.loaded, path, values, provenance(found, plan, beside.name))
        except CompileError:
            raise NotWritten("with these constants the spec would not hold") from None
        print(f"{printable(str(path))}: {'written' if changed else 'has these constants already'}", file=sys.stderr)
    return DONE
