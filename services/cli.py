"""The composition root: every role and tool is `lianshen <command>`."""

from importlib import import_module
from pkgutil import iter_modules

import typer

from services import commands


def build() -> typer.Typer:
    """Return the command line, with every module of `services.commands` registered."""
    app = typer.Typer(
        name="lianshen",
        help="联审: one application, every department at once.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for module in sorted(iter_modules(commands.__path__), key=lambda found: found.name):
        import_module(f"{commands.__name__}.{module.name}").register(app)
    return app
