"""Who may import whom. The contracts stand in pyproject.toml; here they are held."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import grimp
import pytest

import services
from services.contracts.vocabulary import Service
from tests.architecture.source import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
GRAPH = grimp.build_graph("services", cache_dir=None, include_external_packages=True)


def test_the_import_contracts_hold() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in found.stdout


def test_no_package_stands_outside_the_layers() -> None:
    [layers] = [one["layers"] for one in CONTRACTS if one["type"] == "layers"]
    named = {part.strip() for layer in layers for part in layer.split("|")}
    there = {f"services.{name.split('.')[1]}" for name in GRAPH.modules if "services." in name}
    assert there - named == {"services.__main__"}


@pytest.mark.parametrize("service", Service)
def test_services_never_import_each_other(service: Service) -> None:
    mine = GRAPH.find_descendants(f"services.{service}")
    others = {
        f"{importer} imports {imported}"
        for importer in mine
        for imported in GRAPH.find_modules_directly_imported_by(importer)
        for other in set(Service) - {service}
        if imported.startswith(f"services.{other}")
    }
    assert len(mine) > 5
    assert others == set()


def test_the_contracts_stand_alone() -> None:
    """Contracts may be given to a department as they are: pydantic is all they need."""
    imported = {
        found
        for module in GRAPH.find_descendants("services.contracts")
        for found in GRAPH.find_modules_directly_imported_by(module)
        if not found.startswith("services.contracts")
    }
    assert {name.split(".")[0] for name in imported} <= {"pydantic", *sys.stdlib_module_names}


def test_the_domain_has_no_input_no_output_and_no_clock() -> None:
    forbidden = {"asyncio", "socket", "subprocess", "threading", "time", "os", "random", "secrets"}
    found = {
        f"{module} imports {imported}"
        for module in GRAPH.find_descendants("services.domain")
        for imported in GRAPH.find_modules_directly_imported_by(module)
        if imported.split(".")[0] in forbidden
    }
    assert found == set()


def test_every_module_can_be_imported_by_itself_and_says_what_it_is_for() -> None:
    silent = []
    for found in walk_packages(services.__path__, "services."):
        if "migrations" in found.name or found.name.endswith("__main__"):
            continue
        if not import_module(found.name).__doc__:
            silent.append(found.name)
    assert silent == []
