"""A PostgreSQL server of Debian's for one test: on loopback, in a temporary folder, gone at the end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Give the folder of the newest server's programs, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def server() -> Iterator[str]:
    """Start a server; give the URL of a database. PostgreSQL refuses to run as root: then it is the user `postgres`.

    Its folder is none of pytest's, which another user may not enter.
    """
    bin = programs()
    assert bin is not None
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    place = Path(tempfile.mkdtemp(prefix="scalec-postgres-"))
    shutil.chown(place, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, log = str(place / "data"), str(place / "log")
    _run(user, str(bin / "initdb"), "-D", data, "-A", "trust", "-U", "scalec", "-N")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place} -c fsync=off"
    _run(user, str(bin / "pg_ctl"), "-D", data, "-l", log, "-w", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://scalec@127.0.0.1:{port}/postgres"
    finally:
        _run(user, str(bin / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(place)


def _run(user: str, *command: str) -> None:
    own = [] if os.geteuid() else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    subprocess.run([*own, *command], check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")
