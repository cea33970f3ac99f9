"""`make bench`: `python -m bench [--quick]`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import uvloop


def main() -> None:
    """Run the bench, or one of its drivers."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: nothing is written")
    parser.add_argument("--shapes", default="NBP", help="which shapes to measure")
    parser.add_argument("--departments", type=int, action="append", help="8 or 20; both if absent")
    parser.add_argument("--under-way", type=int, help="applications under way, in every shape")
    parser.add_argument("--data", type=Path, help="data folder; default: a temporary one")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        drive(asked.role)
    else:
        from bench.report import run_and_report

        run_and_report(asked)


def drive(role: str) -> None:
    """Run one driver; its settings come on standard input."""
    from bench import bare, naive, product

    settings = json.load(sys.stdin)
    match role:
        case "naive-worker":
            asyncio.run(naive.work(settings))
        case "naive":
            asyncio.run(naive.drive(settings))
        case "bare":
            uvloop.run(bare.drive(settings))
        case "product":
            uvloop.run(product.drive(settings))
        case _:
            sys.exit(f"unknown role {role}")


if __name__ == "__main__":
    main()
