"""`lianshen seal`: a test seal, and the check of a sealed document without any service."""

from pathlib import Path
from typing import Annotated

import typer

WRONG = 1
UNUSABLE = 2

app = typer.Typer(help="The electronic seal of documents.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="seal")


@app.command()
def test(
    folder: Annotated[Path, typer.Argument(help="Where key and certificate are kept.")],
) -> None:
    """Make a key and a certificate that vouches for itself: for trying, never for real papers."""
    from services.runtime.embedded.keys import ensure_test_seal

    for file in ensure_test_seal(folder):
        typer.echo(str(file))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The document (PDF).")],
    certificate: Annotated[
        Path, typer.Option(help="Certificate of the seal (PEM), from a source one trusts.")
    ],
) -> None:
    """Say whether a document is sealed with a certificate and was not changed since."""
    from services.intake.documents.sealing import is_genuine

    try:
        genuine = is_genuine(file.read_bytes(), certificate.read_bytes())
    except OSError as error:
        typer.echo(f"{error.filename} cannot be read: {error.strerror}", err=True)
        raise typer.Exit(UNUSABLE) from None
    if not genuine:
        typer.echo("签名无效或文件已被改动 / not sealed with this certificate, or changed since")
        raise typer.Exit(WRONG)
    typer.echo("签名有效，文件未被改动 / sealed with this certificate, and not changed since")
