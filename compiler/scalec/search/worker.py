"""`scalec search worker`: takes trials of any search from a database and runs them on this machine."""

import sys
import time

from scalec.search.engine import Driver, Options
from scalec.search.ledger import Ledger, all_names
from scalec.search.progress import Progress
from scalec.search.source import Source, find_source
from scalec.search.store import Store

_LOOK_EVERY = 1.0  # seconds


def work(store: Store, accuracy: str | None, data: str | None, options: Options, idle: float | None) -> int:
    """Work until nothing has been found to do for `idle` seconds, or for ever; count the trials that ended here.

    Only searches are taken whose accuracy is had from the very source that is given here. Raises `SourceError`,
    `StoreError`, `OSError` and `KeyboardInterrupt`.
    """
    done, since = 0, time.monotonic()
    passed_over: set[str] = set()
    sources: dict[str, Source] = {}
    with store.opened() as storage:
        while idle is None or time.monotonic() - since <= idle:
            for name in all_names(storage):
                ledger = Ledger(storage, name)
                if not ledger.open() or "source" not in (told := ledger.study.user_attrs):
                    continue
                budget = told["source"]["budget"]
                if repr(budget) not in sources:
                    sources[repr(budget)] = find_source(accuracy, data, budget, options.launcher == "local")
                source = sources[repr(budget)]
                if not ledger.is_of(source.digest):
                    if name not in passed_over:
                        print(f"passed over: a search by {told['source']['name']}, not as it is here", file=sys.stderr)
                    passed_over.add(name)
                    continue
                progress = Progress(len(ledger.open()), 0, options.progress)
                Driver(ledger, {}, source, store, options).run(progress)
                done, since = done + progress.done, time.monotonic()
            time.sleep(_LOOK_EVERY)
    return done
