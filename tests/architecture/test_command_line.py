"""Every command says what it does, and so does every option."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.cli import build
from services.contracts.vocabulary import Service

ROOT = typer.main.get_command(build())


def walk(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that can be run, with its name."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from walk(inner, *names, name)
    else:
        yield names, command


COMMANDS = [pytest.param(names, one, id=" ".join(names)) for names, one in walk(ROOT)]


def test_the_services_and_the_tools_are_there() -> None:
    names = {" ".join(names) for names, _ in walk(ROOT)}
    assert names >= {*Service, "up", "migrate", "contract", "plan", "catalogue lint", "demo"}


@pytest.mark.parametrize(("names", "command"), COMMANDS)
def test_every_command_says_what_it_does(names: tuple[str, ...], command: Any) -> None:
    assert command.help
    assert len(command.help.split()) >= 3
    for parameter in command.params:
        if parameter.name != "help":
            described = getattr(parameter, "help", None)
            assert described, f"{' '.join(names)}: {parameter.name}"


def test_the_help_of_all_of_them_can_be_shown() -> None:
    for names, _ in walk(ROOT):
        answer = CliRunner().invoke(build(), [*names, "--help"])
        assert answer.exit_code == 0, answer.output
    assert CliRunner().invoke(build(), ["--help"]).exit_code == 0
