"""Reads a catalogue from YAML: one folder is one version, and every fault names file and line.

Layout of a version folder:

    county.yaml        one County
    departments.yaml   list of Department
    materials.yaml     list of Material
    fees.yaml          list of FeeStandard
    groups.yaml        list of Group
    questions.yaml     mapping: `questions`, list of Question; `constraints`, list of Constraint
    items/*.yaml       lists of Item
    scenarios/*.yaml   one Scenario each
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from services.domain.catalogue import (
    Catalogue,
    Constraint,
    County,
    Department,
    FeeStandard,
    Group,
    Item,
    Material,
    Question,
    Scenario,
)
from services.domain.findings import Finding, Place, Places, Sourced

COUNTY_FILE = "county.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where it is built in: a county's catalogue reads ten times faster."""
LISTS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("departments", "departments.yaml", Department),
    ("materials", "materials.yaml", Material),
    ("fees", "fees.yaml", FeeStandard),
    ("groups", "groups.yaml", Group),
)

REASONS = {
    "missing": ("缺少此字段", ""),
    "extra_forbidden": ("未知的字段", ": no such field"),
    "string_type": (
        "应为文字；形似数字、日期或是否的文字请加引号",
        "; text that looks like a number, a date or yes/no is written in quotes",
    ),
    "string_pattern_mismatch": ("编码格式不符", ""),
    "int_parsing": ("应为整数", ""),
    "int_type": ("应为整数", ""),
    "enum": ("不在允许的取值之内", ""),
    "literal_error": ("不在允许的取值之内", ""),
    "model_type": ("应为映射", ""),
    "tuple_type": ("应为列表", ""),
    "too_short": ("不能没有内容", ""),
    "string_too_short": ("不能为空", ""),
}
"""Why pydantic refuses a field: in Chinese, and a hint to add to its English."""

M = TypeVar("M", bound=BaseModel)


class CatalogueError(Exception):
    """The files are no catalogue: `findings` names every fault with file, line and reason."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def load(path: Path) -> Catalogue:
    """Return the catalogue of one version folder. Raises CatalogueError."""
    return read(path).catalogue


def load_all(path: Path) -> tuple[Catalogue, ...]:
    """Return the versions under `path` (or the one it is), by the day they begin.

    Raises CatalogueError with the faults of all versions.
    """
    return tuple(sourced.catalogue for sourced in read_all(path))


def read_all(path: Path) -> tuple[Sourced, ...]:
    """Return every version under `path` with its places. Raises CatalogueError."""
    folders = [path] if (path / COUNTY_FILE).is_file() else _version_folders(path)
    found: list[Sourced] = []
    faults: list[Finding] = []
    for folder in folders:
        try:
            found.append(read(folder))
        except CatalogueError as error:
            faults.extend(error.findings)
    if faults:
        raise CatalogueError(tuple(faults))
    return tuple(sorted(found, key=lambda s: (s.catalogue.county.effective_from, s.where)))


def read(path: Path) -> Sourced:
    """Return the catalogue of one version folder with the place of every entry.

    Raises CatalogueError.
    """
    reader = _Reader(path)
    parts: dict[str, Any] = {"county": reader.one(path / COUNTY_FILE, "county", County)}
    for name, file, model in LISTS:
        parts[name] = reader.many(path / file, name, model)
    parts |= reader.questions(path / "questions.yaml")
    parts["items"] = [
        item for file in reader.files("items") for item in reader.many(file, "items", Item)
    ]
    parts["scenarios"] = [
        reader.one(file, "scenarios", Scenario) for file in reader.files("scenarios")
    ]
    if reader.findings:
        raise CatalogueError(tuple(reader.findings))
    return Sourced(catalogue=Catalogue(**parts), places=reader.places, where=str(path))


def read_one(file: Path, model: type[M]) -> M:
    """Return what one YAML file holds, as `model`. Raises CatalogueError."""
    return read_placed(file, model)[0]


def read_placed(file: Path, model: type[M]) -> tuple[M, Place]:
    """Return what one YAML file holds, and where. Raises CatalogueError."""
    reader = _Reader(file.parent)
    node = reader.node(file)
    found = None if node is None else reader.parsed(file, node, "file", model)
    if node is None or found is None:
        raise CatalogueError(tuple(reader.findings))
    return found, _place(file, node)


def _version_folders(path: Path) -> list[Path]:
    found = sorted(file.parent for file in path.glob(f"*/{COUNTY_FILE}")) if path.is_dir() else []
    if not found:
        raise CatalogueError(
            (
                _finding(
                    Place(file=str(path), line=1),
                    f"没有目录：此处及其子文件夹中都没有 {COUNTY_FILE}",
                    f"no catalogue: neither here nor one folder below is a {COUNTY_FILE}",
                ),
            )
        )
    return found


@dataclass
class _Reader:
    """Reads the files of one folder, collecting faults instead of stopping at the first."""

    folder: Path
    places: Places = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def files(self, name: str) -> list[Path]:
        found = sorted((self.folder / name).glob("*.yaml"))
        if not found:
            self._fault(self.folder / name, 1, "没有 *.yaml 文件", "there is no *.yaml file")
        return found

    def one(self, file: Path, kind: str, model: type[BaseModel]) -> BaseModel | None:
        node = self.node(file)
        return None if node is None else self._entry(file, node, kind, model)

    def many(self, file: Path, kind: str, model: type[BaseModel]) -> list[BaseModel]:
        node = self.node(file)
        return [] if node is None else self._list(file, node, kind, model)

    def questions(self, file: Path) -> dict[str, list[BaseModel]]:
        found: dict[str, list[BaseModel]] = {"questions": [], "constraints": []}
        models: dict[str, type[BaseModel]] = {"questions": Question, "constraints": Constraint}
        node = self.node(file)
        if node is None:
            return found
        if not isinstance(node, yaml.MappingNode):
            zh, en = "应为映射：questions、constraints", "must be a mapping: questions, constraints"
            self._fault(file, _line(node), zh, en)
            return found
        for key, value in _pairs(node):
            if key.value in found:
                kind = key.value
                found[kind] = self._list(file, value, kind, models[kind])
            else:
                self._fault(file, _line(key), f"未知的键 {key.value}", f"unknown key {key.value}")
        return found

    def _list(
        self, file: Path, node: yaml.Node, kind: str, model: type[BaseModel]
    ) -> list[BaseModel]:
        if not isinstance(node, yaml.SequenceNode):
            self._fault(file, _line(node), "应为列表", "must be a list")
            return []
        entries = (self._entry(file, entry, kind, model) for entry in node.value)
        return [entry for entry in entries if entry is not None]

    def _entry(self, file: Path, node: yaml.Node, kind: str, model: type[M]) -> M | None:
        entry = self.parsed(file, node, kind, model)
        if entry is not None:
            known = self.places.setdefault((kind, code_of(kind, entry)), [])
            known.append(_place(file, node))
        return entry

    def parsed(self, file: Path, node: yaml.Node, kind: str, model: type[M]) -> M | None:
        try:
            return model.model_validate(yaml.SafeLoader("").construct_document(node))
        except yaml.YAMLError as error:
            self._yaml_fault(file, error)
        except ValidationError as error:
            for detail in error.errors():
                path = tuple(detail["loc"])
                shown = ".".join(str(step) for step in path) or kind
                zh, hint = REASONS.get(detail["type"], (f"不符合要求（{detail['msg']}）", ""))
                line = _line(_deepest(node, path))
                self._fault(file, line, f"{shown}：{zh}", f"{shown}: {detail['msg']}{hint}")
        return None

    def node(self, file: Path) -> yaml.Node | None:
        try:
            node = yaml.compose(file.read_text("utf-8"), Loader=LOADER)
        except FileNotFoundError:
            self._fault(file, 1, "缺少此文件", "the file is missing")
            return None
        except (OSError, UnicodeDecodeError) as error:
            self._fault(file, 1, f"无法读取：{error}", f"cannot be read: {error}")
            return None
        except yaml.YAMLError as error:
            self._yaml_fault(file, error)
            return None
        if node is None:
            self._fault(file, 1, "文件为空", "the file is empty")
            return None
        twice = list(_twice(node))
        for key in twice:
            self._fault(
                file, _line(key), f"键 {key.value} 重复", f"the key {key.value} stands twice"
            )
        return None if twice else node

    def _yaml_fault(self, file: Path, error: yaml.YAMLError) -> None:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        line = mark.line + 1 if mark else 1
        self._fault(file, line, f"不是有效的 YAML：{problem}", f"not valid YAML: {problem}")

    def _fault(self, file: Path, line: int, zh: str, en: str) -> None:
        self.findings.append(_finding(Place(file=str(file), line=line), zh, en))


def code_of(kind: str, entry: BaseModel) -> str:
    """Return the code of an entry; a constraint has none and goes by its question."""
    match kind:
        case "materials" | "fees" | "questions":
            name = "id"
        case "constraints":
            name = "question"
        case _:
            name = "code"
    return str(getattr(entry, name))


def _finding(place: Place, zh: str, en: str) -> Finding:
    return Finding(code="file", place=place, zh=zh, en=en)


def _place(file: Path, node: yaml.Node) -> Place:
    fields = {key.value: _line(key) for key, _ in _pairs(node)}
    return Place(file=str(file), line=_line(node), fields=fields)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _pairs(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return [(key, value) for key, value in pairs if isinstance(key, yaml.ScalarNode)]


def _twice(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the keys that stand twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _twice(entry)
    seen = set()
    for key, value in _pairs(node):
        if key.value in seen:
            yield key
        seen.add(key.value)
        yield from _twice(value)


def _deepest(node: yaml.Node, path: tuple[int | str, ...]) -> yaml.Node:
    """Return the node at `path`, or as deep as the path can be followed."""
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        else:
            found = [(key, value) for key, value in _pairs(node) if key.value == step]
            if not found:
                return node
            key, value = found[0]
            node = key if isinstance(value, yaml.ScalarNode) else value
    return node
