"""A county for the bench: twenty departments, one item each, all of them in one concurrent step.

It is written as YAML and read through the same code as a real county's catalogue.
"""

from pathlib import Path
from typing import Any

import yaml

DEPARTMENTS = 20
SCENARIOS = {8: "eight", 20: "twenty"}
_LAW = {"law": "行政许可法", "article": "42"}


def codes(count: int = DEPARTMENTS) -> list[str]:
    """Return the codes of the first `count` departments."""
    return [f"dept-{number:02}" for number in range(1, count + 1)]


def submission(count: int, project: str) -> dict[str, Any]:
    """Return an application that `count` departments decide on, for a project never seen before.

    What a project was granted before is not asked for again: it would be another application.
    """
    return {
        "project": {"code": f"P-{project}", "name": "测试项目", "address": "测试路 1 号"},
        "scenario": SCENARIOS[count],
        "answers": {"area_m2": 1200},
        "applicant": {
            "name": "测试有限公司",
            "kind": "company",
            "id_number": "91350100M000100Y43",
            "phone": "0375-5550100",
        },
        "materials": [],
    }


def write(folder: Path) -> Path:
    """Write the catalogue into `folder`; return the folder of versions."""
    version = folder / "bench.1"
    (version / "items").mkdir(parents=True, exist_ok=True)
    (version / "scenarios").mkdir(exist_ok=True)
    files: dict[str, Any] = {
        "county.yaml": {
            "code": "BC",
            "name": _name("测试县", "Bench county"),
            "version": "bench.1",
            "effective_from": "2026-01-01",
            "stages": [{"code": "only", "name": _name("办理", "Handling")}],
            "sources": {},
        },
        "departments.yaml": [
            {"code": code, "name": _name(f"部门 {code}", f"Department {code}")} for code in codes()
        ],
        "materials.yaml": [],
        "fees.yaml": [],
        "groups.yaml": [],
        "questions.yaml": {
            "questions": [
                {
                    "id": "area_m2",
                    "text": _name("面积", "Area"),
                    "type": "number",
                    "minimum": 0,
                }
            ],
            "constraints": [],
        },
        "items/all.yaml": [_item(code) for code in codes()],
    }
    for count, scenario in SCENARIOS.items():
        files[f"scenarios/{scenario}.yaml"] = _scenario(count, scenario)
    for name, content in files.items():
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (version / name).write_text(text, encoding="utf-8")
    return folder


def _name(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _item(code: str) -> dict[str, Any]:
    return {
        "code": f"ITEM-{code[-2:]}",
        "name": _name(f"事项 {code}", f"Item of {code}"),
        "department": code,
        "stage": "only",
        "kind": "permit",
        "project_construction": True,
        "legal_basis": [_LAW],
        "statutory": {"limit": {"value": 20}, "basis": _LAW},
        "promised": {"value": 6},
        "promised_basis": {"law": "承诺时限表"},
        "materials": [],
        "fee": {"free": {"law": "行政许可法", "article": "58"}},
        "result": {"name": _name("许可证", "Permit")},
        "applies_when": "area_m2 >= 0",
    }


def _scenario(count: int, code: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": _name(f"{count} 个部门", f"{count} departments"),
        "description": _name(f"{count} 个部门同时办理", f"{count} departments at once"),
        "questions": [{"question": "area_m2"}],
        "items": [f"ITEM-{one[-2:]}" for one in codes(count)],
        "example": {"area_m2": 1200},
    }
