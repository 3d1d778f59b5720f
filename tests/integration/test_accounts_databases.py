"""Accounts in PostgreSQL and in MariaDB: real servers, started here, under the tests that accounts pass on SQLite."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[2]
NAME, PASSWORD = "medarchive", "p@ss/word:%41"
FLOWS = [
    f"tests/web/test_accounts_{name}.py"
    for name in ("entrance", "lockout", "second_factor", "administration", "tokens", "sharing")
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def program(name: str) -> str:
    """Where a server's program is; Debian keeps PostgreSQL's off the PATH."""
    debian = [str(path.parent) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    found = shutil.which(name, path=os.pathsep.join([*reversed(debian), os.environ["PATH"], "/usr/sbin"]))
    assert found, f"the tests need {name}: run .ci/run, or on Debian: apt-get install postgresql mariadb-server"
    return found


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of the user that runs the server: no server runs as root."""
    with tempfile.TemporaryDirectory(prefix="medarchive-db-", ignore_cleanup_errors=True) as name:
        if os.getuid() == 0:
            os.chown(name, *NOBODY)
        yield Path(name)


NOBODY = (65534, 65534)
QUICK = ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0")


def call(*command: object, **options: object) -> "subprocess.Popen[bytes]":
    dropped = {"user": NOBODY[0], "group": NOBODY[1], "extra_groups": []} if os.getuid() == 0 else {}
    started: subprocess.Popen[bytes] = subprocess.Popen([str(part) for part in command], **dropped, **options)  # type: ignore[call-overload]
    return started


def done(*command: object, log: Path) -> None:
    with log.open("ab") as out:
        code = call(*command, stdout=out, stderr=out, cwd=log.parent).wait(120)
    assert code == 0, log.read_text()


@contextmanager
def running(*command: object, ready: tuple[object, ...], log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        server = call(*command, stdout=out, stderr=out, cwd=log.parent)
        try:
            end = time.monotonic() + 60
            while call(*ready, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(60):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
            yield
        finally:
            server.terminate()
            server.wait(60)


@contextmanager
def postgresql() -> Iterator[str]:
    with folder() as base:
        port, data, log = free_port(), base / "data", base / "log"
        secret = base / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        done(
            program("initdb"), "-D", data, "-U", NAME, "-E", "UTF8", "-A", "scram-sha-256", "--pwfile", secret, log=log
        )
        options = ("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={base}", "-c", "fsync=off")
        ready = (program("pg_isready"), "-h", "127.0.0.1", "-p", port)
        with running(program("postgres"), "-D", data, "-p", port, *options, ready=ready, log=log):
            yield f"postgresql://{NAME}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"


@contextmanager
def mariadb() -> Iterator[str]:
    with folder() as base:
        port, data, log, at = free_port(), base / "data", base / "log", base / "socket"
        method = "--auth-root-authentication-method=normal"
        done(program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", method, "--skip-test-db", log=log)
        options = (f"--datadir={data}", f"--socket={at}", f"--port={port}", "--bind-address=127.0.0.1", *QUICK)
        ready = (program("mariadb-admin"), "--no-defaults", f"--socket={at}", "-u", "root", "ping")
        with running(program("mariadbd"), "--no-defaults", *options, ready=ready, log=log):
            make = (
                f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;"
                f"CREATE USER {NAME}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
                f"GRANT ALL ON {NAME}.* TO {NAME}@'127.0.0.1'"
            )
            done(program("mariadb"), "--no-defaults", f"--socket={at}", "-u", "root", "-e", make, log=log)
            yield f"mysql://{NAME}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{NAME}"


@pytest.mark.parametrize("server", [postgresql, mariadb])
def test_accounts_pass_their_tests_on_a_server(server: object, tmp_path: Path) -> None:
    with server() as address:  # type: ignore[operator]
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/web", *FLOWS],
            cwd=ROOT,
            env={**os.environ, "MEDARCHIVE_TEST_ACCOUNTS": address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert " passed" in ran.stdout
        assert "skipped" not in ran.stdout


@pytest.mark.parametrize("server", [postgresql, mariadb])
def test_the_command_line_makes_the_tables(server: object, tmp_path: Path) -> None:
    with server() as address:  # type: ignore[operator]
        environment = {**os.environ, "MEDARCHIVE_ACCOUNTS": address, "MEDARCHIVE_ARCHIVE": str(tmp_path / "archive")}
        for arguments in (("add", "anna", "--email", "anna@example.org", "--password-stdin"), ("list", "--json")):
            ran = subprocess.run(
                [sys.executable, "-m", "medarchive", "users", *arguments],
                env=environment,
                input="correct horse battery\n",
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
        assert '"name": "anna"' in ran.stdout
        assert not (tmp_path / "archive/accounts.sqlite").exists()
