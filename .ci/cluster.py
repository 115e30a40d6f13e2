"""A PostgreSQL of a check's own, which is gone afterwards."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path


@contextlib.contextmanager
def postgres(name):
    """Gives what runs SQL in a database of its own, and returns the lines of the answer."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not newest:
        sys.exit(f"{name}: PostgreSQL is not installed")
    step_down = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []

    def run(program, *arguments, text=None):
        command = [*step_down, newest[-1] / program, *arguments]
        done = subprocess.run(command, input=text, text=True, cwd="/", capture_output=True)
        if done.returncode:
            sys.exit(f"{name}: {program}: {done.stderr}")
        return done.stdout

    with tempfile.TemporaryDirectory() as directory:
        if step_down:
            subprocess.run(["chown", "postgres", directory], check=True)
        data = f"{directory}/data"
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={directory} -c fsync=off -c full_page_writes=off"
        # Output into a file: a server that inherits a pipe keeps it open.
        run("pg_ctl", "-D", data, "-w", "-l", f"{directory}/log", "-o", options, "start")
        psql = ("psql", "-h", directory, "-U", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1")
        try:
            run(*psql, "-d", "postgres", "-c", "CREATE DATABASE checked")
            yield lambda text: run(*psql, "-d", "checked", text=text).splitlines()
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
