"""Reads the county's rules of supervision from YAML; every fault names file and line."""

from pathlib import Path

from services.domain.supervision_rules import SupervisionRules
from services.runtime import catalogue_files


def load(file: Path) -> SupervisionRules:
    """Return the rules in a file. Raises CatalogueError, whose findings name file and line."""
    return catalogue_files.read_one(file, SupervisionRules)
