"""`lianshen audit`: check, export and hold keys of the signed logs of acts."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from services.contracts.vocabulary import Service
from services.runtime import audit_check
from services.runtime.audit import log_name
from services.runtime.audit_check import Report
from services.runtime.db import Connection
from services.runtime.notes import Checkpoint, NoteError, Signer, Verifier, create_key

WRONG = 1
UNUSABLE = 2
Value = TypeVar("Value")

app = typer.Typer(help="The signed log of acts of each service.", no_args_is_help=True)

Which = Annotated[Service, typer.Argument(help="Whose log.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(help="File with the verifier key; default: that of the private key set."),
]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="audit")


@app.command()
def verify(
    service: Which,
    public_key: PublicKey = None,
    file: Annotated[
        Path | None, typer.Option(help="Check an export instead of the database.")
    ] = None,
    witness: Annotated[
        Path | None,
        typer.Option(help="File with a signed checkpoint kept elsewhere: the log must contain it."),
    ] = None,
) -> None:
    """Recompute a log from its first leaf and compare it with every signed checkpoint."""
    try:
        verifier = _verifier(service, public_key)
        witnessed = None if witness is None else _opened(verifier, witness)
        if file is not None:
            report = audit_check.verify_export(file, verifier, witnessed)
        else:
            report = _connected(service, lambda conn: audit_check.verify(conn, verifier, witnessed))
    except (OSError, ValueError) as error:
        _give_up(error)
    _show(service, report)


def _show(service: Service, report: Report) -> None:
    for finding in report.findings:
        typer.echo(f"{service}: {finding}")
    typer.echo(
        f"{service}: {report.leaves} leaves, {report.checkpoints} checkpoints, "
        f"{report.unsealed} not yet sealed, root {report.root.hex()}: "
        + ("unbroken / 完整" if report.ok else "BROKEN / 已被破坏")
    )
    if not report.ok:
        raise typer.Exit(WRONG)


@app.command()
def export(
    service: Which, output: Annotated[Path, typer.Argument(help="File to write (JSON lines).")]
) -> None:
    """Write a whole log into a file that `verify --file` checks without any database."""
    try:
        with output.open("wb") as stream:
            count = _connected(
                service, lambda conn: audit_check.export(conn, log_name(service), stream)
            )
    except OSError as error:
        _give_up(error)
    typer.echo(f"{count} leaves in {output}")


@app.command()
def keygen(
    service: Which, output: Annotated[Path, typer.Argument(help="File for the private key.")]
) -> None:
    """Make a signing key; prints the verifier key, to be kept where the log is not."""
    try:
        create_key(output)
        typer.echo(str(Signer.load(log_name(service), output).verifier))
    except OSError as error:
        _give_up(error)


@app.command()
def key(
    service: Which,
    private_key: Annotated[
        Path | None, typer.Option(help="The private key; default: the one set.")
    ] = None,
) -> None:
    """Print the verifier key of a service's log."""
    try:
        path = private_key or _key_file()
        typer.echo(str(Signer.load(log_name(service), path).verifier))
    except (OSError, ValueError) as error:
        _give_up(error)


def _verifier(service: Service, public_key: Path | None) -> Verifier:
    if public_key is not None:
        return Verifier.parse(public_key.read_text(encoding="utf-8"))
    return Signer.load(log_name(service), _key_file()).verifier


def _key_file() -> Path:
    from services.runtime.settings import ServiceSettings

    path = ServiceSettings().audit.key_file
    if path is None:
        raise NoteError("give --public-key, or set LIANSHEN_AUDIT__KEY_FILE")
    return path


def _opened(verifier: Verifier, note: Path) -> Checkpoint:
    return Checkpoint.parse(verifier.open(note.read_text(encoding="utf-8")))


def _connected(service: Service, work: Callable[[Connection], Awaitable[Value]]) -> Value:
    from services.runtime.settings import ServiceSettings

    dsn = ServiceSettings().database.dsn_of(service)

    async def run() -> Value:
        import asyncpg

        try:
            conn = await asyncpg.connect(dsn, timeout=10)
        except asyncpg.PostgresError as error:
            message = f"the database of {service} cannot be opened: {type(error).__name__}"
            raise OSError(message) from error
        try:
            return await work(conn)
        finally:
            await conn.close()

    return asyncio.run(run())


def _give_up(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(UNUSABLE) from None
