"""Compiles emitted files again, from the command in the header or from pyproject.toml, and compares the results.

A file is up to date if it has exactly the bytes that are emitted now; claims in the file itself do not count. Several
things make this fast. A spec is read once, and its networks are shared. A text that is equal needs no guard. Several
processes share the work. If compiler, spec and request are the same to the byte as before, the result is taken from
`cache`.
"""

import gc
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scalec import compiler
from scalec.compiler import Loaded
from scalec.cost.compiled import Compiled
from scalec.diagnostics.diagnostic import CompileError, Diagnostic
from scalec.emit.emit import emit, unguarded
from scalec.emit.file_name import file_name
from scalec.emit.head import NO_SPEC, Head, HeadError, head, is_generated
from scalec.emit.test_file import beside, companion
from scalec.files import as_text, read_text, with_line_feeds
from scalec.program.request import Request
from scalec.program.setting import respelled, single
from scalec.project.cache import Cache, Imports, digest, imports_of
from scalec.project.declarations import Declared, declared, folders, located
from scalec.project.discover import Collected, collect
from scalec.project.pyproject import Project
from scalec.project.verdict import UP_TO_DATE, Verdict, broken, compared, difference, missing, orphan, twice
from scalec.project.write import obstacle, write
from scalec.record import record

_FEW = 12
"""So many files are done before other processes have started."""


@record
class Job:
    """A file to look at: how it is compiled, or why nobody knows."""

    path: Path
    spec: Path | None = None
    request: Request | None = None
    asked: bool = True
    """False if the file says of itself that it was compiled in another way."""
    entry: Declared | None = None
    """What declares the file."""
    why: str = ""
    help: str = ""

    @property
    def tests(self) -> bool:
        """Whether a test beside it is declared."""
        return self.entry is not None and self.entry.tests


@record
class Result:
    """What a file is, and the text that it should have, if that is another."""

    path: Path
    verdict: Verdict
    old: bytes | None = None
    new: str | None = None
    made: str = ""
    """The hash of the text that it should have."""
    imports: Imports = field(default_factory=dict)
    """Of the spec."""
    of: str = ""
    """The hash of the text that the file should have of which this is the test."""

    @property
    def difference(self) -> str:
        """What would change in it, as a unified diff."""
        return "" if self.new is None else difference(self.path, self.old, self.new)


@dataclass
class Specs:
    """Reads each spec once."""

    kept: dict[Path, Loaded] = field(default_factory=dict)

    def load(self, path: Path) -> Loaded:
        """Return a spec; raise `CompileError`, and `OSError`."""
        if path not in self.kept:
            self.kept[path] = compiler.load(path)
        return self.kept[path]

    def compile(self, spec: Path, request: Request) -> Compiled:
        """Compile as requested. Raises `CompileError`, and `OSError`."""
        return self.load(spec).compile(request)


@dataclass
class Plan:
    """What to look at; what is wrong with declared specs; and what cannot be read."""

    jobs: list[Job] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    unread: list[OSError] = field(default_factory=list)


def plan(files: Sequence[Path], entries: Sequence[Declared], homes: Sequence[Path]) -> Plan:
    """Plan what is declared, and the other files."""
    specs, found, made, doubled = Specs(), dict[str, Job](), Plan(), set[str]()
    for entry in entries:
        try:
            for path, request in _outputs(entry, specs):
                if _key(path) in found:
                    made.findings.append(twice(path, entry.place))
                    doubled.add(_key(path))  # nobody knows what it should be
                found[_key(path)] = Job(path, entry.spec, request, _is_asked(path, request), entry)
        except CompileError as error:
            made.findings += [located(each, entry) for each in error.diagnostics]
        except OSError as error:
            made.unread.append(error)
    named = {_key(path) for path in files}
    for path in files:
        try:
            meant = _model(path)
            if _key(meant) not in found and (meant == path or _key(meant) not in named):
                found[_key(meant)] = _found(meant, homes)
        except OSError as error:
            made.unread += [] if _key(path) in found else [error]
    made.jobs = sorted((found[key] for key in found if key not in doubled), key=lambda job: str(job.path))
    return made


def planned(
    project: Project | None, names: Sequence[str], spec_folders: Sequence[str] = ()
) -> tuple[Collected, Plan] | None:
    """Find out what names mean, or what a project declares without any; nothing if there is neither.

    Raises `CompileError` for pyproject.toml.
    """
    entries, homes = declared(project), folders(project)
    if not names and not entries and not homes:
        return None
    meant = collect(names or list(dict.fromkeys(str(path) for path in [*homes, *(each.spec for each in entries)])))
    where = [*map(Path, spec_folders), *homes, *(path.parent for path in meant.specs)]
    held = [each for each in entries if not names or meant.holds(each)]
    near = [each for each in entries if each not in held and meant.is_near(each)]
    found = plan(meant.files, held + near, list(dict.fromkeys(where)))
    found.jobs = [job for job in found.jobs if job.entry not in near or meant.names(job.path)]
    return meant, found


def _model(path: Path) -> Path:
    """Return the model that a generated test belongs to, if it exists; else the file itself."""
    model = path.with_name(path.name.removeprefix("test_"))
    is_test = model != path and model.is_file() and is_generated(text := read_text(path)) and head(text) is None
    return model if is_test else path


def _key(path: Path) -> str:
    return os.path.abspath(path)


def _outputs(entry: Declared, specs: Specs) -> Iterator[tuple[Path, Request]]:
    """Return the files that an entry stands for, and how each is compiled."""
    for each in single(entry.request):
        request = respelled(each)
        if entry.is_file:
            yield entry.output, request
        else:
            name = file_name(entry.spec.name, request, lambda: specs.load(entry.spec).program.network.name.key)
            yield entry.output / name, request


def _is_asked(path: Path, request: Request) -> bool:
    found = head(read_text(path)) if path.is_file() else None
    return found is None or found.request in (None, request)


def _found(path: Path, folders: Sequence[Path]) -> Job:
    """Plan a file that is there, by its head."""
    text = read_text(path)
    found, declare = head(text), "declare it in pyproject.toml, under [[tool.scalec.generate]]"
    if not is_generated(text):
        return Job(path, why="scalec did not write this file", help="emitted files begin with `# Generated by scalec`")
    if found is None or found.spec is None:
        why = "its head does not say how it was compiled" if found else "it has no head that can be read"
        return Job(path, why=why, help=f"compile it again, or {declare}")
    name = found.spec
    if name == NO_SPEC:
        return Job(path, why="its spec came from standard input, or has a name that is not kept", help=declare)
    here = [path.parent / name] if (path.parent / name).is_file() else []
    there = here or [folder / name for folder in dict.fromkeys(folders) if (folder / name).is_file()]
    if not there:
        where = ", ".join(["beside it", *(f"in {folder.as_posix()}" for folder in dict.fromkeys(folders))])
        return Job(path, why=f"its spec {name} is not {where}", help=f"say where it is with `--specs`, or {declare}")
    if len({each.read_bytes() for each in there}) > 1:
        which = " and ".join(each.as_posix() for each in there)
        return Job(path, why=f"there are several specs of that name: {which}", help=declare)
    return Job(path, there[0], found.request)


def examine(job: Job, specs: Specs) -> Iterator[Result]:
    """Look at a file, and at the test beside it. Raises `OSError` if it cannot be read."""
    old = job.path.read_bytes() if job.path.is_file() else None
    if job.spec is None or job.request is None:
        yield Result(job.path, orphan(job.path, as_text(old or b""), job.why, job.help), old)
        return
    try:
        made = specs.compile(job.spec, job.request)
        text = unguarded(made)
        if old is None or with_line_feeds(old) != text.encode():
            text = emit(made)
    except CompileError as error:
        said = error.diagnostics if job.entry is None else (located(each, job.entry) for each in error.diagnostics)
        yield Result(job.path, _uncompiled(job, old, tuple(said)), old)
        return
    except OSError as error:
        why = f"its spec {job.spec.as_posix()} cannot be read: {error.strerror or error}"
        there, place = as_text(old or b""), job.entry.place if job.entry else None
        yield Result(job.path, orphan(job.path, there, why, "say in pyproject.toml where it is", place), old)
        return
    was = None if old is None else head(as_text(old))
    yield replace(_result(job, job.path, old, text, was, head(text)), imports=imports_of(specs.load(job.spec)))
    yield from _test(job, text, was)


def _result(job: Job, path: Path, old: bytes | None, text: str, was: Head | None, now: Head | None) -> Result:
    if old is None:
        assert job.entry is not None, "a file that is not there is a declared one"
        return Result(path, missing(path, job.entry.place), None, text, digest(text.encode()))
    verdict = compared(path, old, text, was, now, job.asked)
    return Result(path, verdict, old, None if verdict.state == UP_TO_DATE else text, digest(text.encode()))


def _uncompiled(job: Job, old: bytes | None, said: tuple[Diagnostic, ...]) -> Verdict:
    about = broken(job.path, as_text(old)) if old is not None else Verdict("missing")
    return Verdict(about.state, (*said, *about.findings))


def _test(job: Job, text: str, was: Head | None) -> Iterator[Result]:
    """Look at the test beside a file, if there is one or should be one."""
    path = beside(job.path)
    old = path.read_bytes() if path.is_file() else None
    said = as_text(old or b"")
    if old is not None and not job.tests and (not is_generated(said) or head(said) is not None):
        return
    if old is not None or job.tests:
        try:
            made = _result(job, path, old, companion(text, job.path), was, head(text))
            yield replace(made, of=digest(text.encode()))
        except HeadError as error:
            yield Result(path, orphan(path, said, f"no test can be written: {error}", "rename the file"), old)


def examined(planned: Sequence[Job], cache: Cache | None = None, processes: int | None = None) -> list[Result]:
    """Look at every file; at those that the cache does not know in several processes if there are many.

    Raises `OSError`.
    """
    cache = cache or Cache(None)
    results = [result for job in planned for result in _known(job, cache)]
    known = {result.path for result in results}
    left = {job.path: job for job in planned if job.path not in known}
    count = processes if processes is not None else min(os.cpu_count() or 1, 8)
    for result in (result for part in _shared(_parts(left.values(), count), len(left), count) for result in part):
        results.append(result)
        job = left.get(result.path)
        if result.of:
            cache.keep_test(result.of, result.path, result.made)
        elif result.made and job is not None and job.spec is not None and job.request is not None:
            cache.keep(job.spec, job.request, result.made, result.imports)
    cache.write()
    return sorted(results, key=lambda result: str(result.path))


def write_anew(results: Iterable[Result], force: bool = False, follow: bool = False) -> tuple[list[Result], list[str]]:
    """Write what is not up to date and may be written: give that, and what stands in the way of the rest.

    The test of a file that is left alone is left with it. Raises `OSError`.
    """
    ready = [(each, each.new) for each in results if each.new is not None]
    problems = {each.path: obstacle(each.path, text, force, follow) for each, text in ready}
    left = {beside(path): path for path, problem in problems.items() if problem}
    written: list[Result] = []
    for each, text in ready:
        if problems[each.path] is None and each.of and each.path in left:
            problems[each.path] = f"{each.path} is left as it is, with {left[each.path].name}"
        problems[each.path] = problems[each.path] or write(each.path, text, force, follow)
        written += [] if problems[each.path] else [each]
    return written, [problem for problem in problems.values() if problem]


@record
class Update:
    """What has become of files that were to be brought up to date."""

    files: int
    """How many were looked at."""
    written: list[Result]
    lost: list[Diagnostic]
    """About files of which nobody knows what they should be."""
    problems: list[str]
    """What stands in the way of writing the others."""


def update(planned: Sequence[Job], cache: Cache | None = None, force: bool = False, follow: bool = False) -> Update:
    """Write every file that is not up to date, and may be written. Raises `OSError`."""
    results = examined(planned, cache)
    written, problems = write_anew(results, force, follow)
    lost = [finding for each in results if each.new is None for finding in each.verdict.findings]
    return Update(len(results), written, lost, problems)


def _known(job: Job, cache: Cache) -> Iterator[Result]:
    """Return what the cache knows to be up to date: a file, with its test if there is one."""
    text = cache.text(job.spec, job.request) if job.spec is not None and job.request is not None else None
    if text is None or not job.path.is_file() or digest(with_line_feeds(job.path.read_bytes())) != text:
        return
    test = beside(job.path)
    if test.is_file() or job.tests:
        if not test.is_file() or cache.test(text, test) != digest(with_line_feeds(test.read_bytes())):
            return
        yield Result(test, Verdict(UP_TO_DATE))
    yield Result(job.path, Verdict(UP_TO_DATE))


def _shared(parts: list[list[Job]], files: int, count: int) -> Iterable[list[Result]]:
    """Examine parts, in several processes if that is worth it and can be done."""
    if files <= _FEW or count == 1:
        return list(map(_examine_all, parts))
    from concurrent.futures import ProcessPoolExecutor

    try:
        with ProcessPoolExecutor(count, initializer=_quiet) as pool:
            return list(pool.map(_examine_all, parts))
    except (ImportError, NotImplementedError, PermissionError):  # no semaphores, no processes: alone, then
        return list(map(_examine_all, parts))


def _parts(planned: Iterable[Job], processes: int) -> list[list[Job]]:
    """Share the work out, the files of a spec together: it is read once in each part."""
    by_spec: dict[Path | None, list[Job]] = {}
    for job in planned:
        by_spec.setdefault(job.spec, []).append(job)
    most = max(8, sum(map(len, by_spec.values())) // (3 * processes))
    parts = [group[start : start + most] for group in by_spec.values() for start in range(0, len(group), most)]
    return sorted(parts, key=len, reverse=True)


def _examine_all(part: Sequence[Job]) -> list[Result]:
    specs = Specs()
    return [result for job in part for result in examine(job, specs)]


def _quiet() -> None:
    """Leave Ctrl-C to the process that waits, and garbage to the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(100_000)
