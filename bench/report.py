"""What a run leaves behind: a JSON file with everything, and the table in the README."""

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import processes
from bench.run import FULL, QUICK, Bench, say
from services.runtime.embedded.service import REPOSITORY

HERE = Path(__file__).parent


def run_and_report(asked: argparse.Namespace) -> None:
    """Run the bench as asked; a complete run is written down."""
    size = QUICK if asked.quick else FULL
    if asked.departments:
        size = replace(size, departments=tuple(asked.departments))
    data = asked.data or Path(tempfile.mkdtemp(prefix="lianshen-bench-"))
    try:
        records = asyncio.run(Bench(data, size, asked.shapes).run())
    finally:
        if asked.data is None:
            shutil.rmtree(data, ignore_errors=True)
    print(json.dumps(records, indent=1))
