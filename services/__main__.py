"""Entry point: `python -m services` and the `lianshen` command."""

from services.cli import build


def main() -> None:
    """Run the command line."""
    build()()


if __name__ == "__main__":
    main()
