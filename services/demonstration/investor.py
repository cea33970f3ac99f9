"""A simulated investor: asks what is needed, hands it in once, and watches."""

from typing import Any

from services.demonstration.caller import Caller

# The smallest document that is one: a page of nothing.
BLANK_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"
    b"0000000105 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n170\n%%EOF\n"
)
UPLOADED = 3
"""So many materials are handed in as files; the others are named by reference."""


async def submit(
    intake: Caller, scenario: str, *, ahead: bool = True, **changes: Any
) -> dict[str, Any]:
    """Hand in one application for a scenario's example project; return its receipt.

    `ahead`: also papers that come later, which this investor has already. `changes` replace members
    of the submission: another applicant, say. Raises RefusedError.
    """
    questionnaire = await intake.get(f"/v1/catalogue/scenarios/{scenario}")
    answers = questionnaire["example"]
    plan = (await intake.post("/v1/plans", {"scenario": scenario, "answers": answers})).json()
    submission = {
        "project": {"name": questionnaire["name"]["zh"], "address": "产业集聚区 8 号地块"},
        "scenario": scenario,
        "answers": answers,
        "applicant": {
            "name": "示例项目公司",
            "kind": "company",
            "id_number": "91350100M000100Y43",
            "phone": "0000-5550100",
        },
        "materials": await _materials(intake, plan, ahead=ahead),
        **changes,
    }
    receipt: dict[str, Any] = (await intake.post("/v1/applications", submission)).json()
    return receipt


async def _materials(intake: Caller, plan: dict[str, Any], *, ahead: bool) -> list[dict[str, Any]]:
    asked = [
        material
        for material in plan["materials"]
        if material["asked"] and (ahead or material.get("later") is None)
    ]
    found: list[dict[str, Any]] = []
    for material in asked:
        if len(found) < UPLOADED:
            file = {"file": (f"{material['id']}.pdf", BLANK_PDF, "application/pdf")}
            upload = (await intake.post("/v1/uploads", files=file)).json()
            found.append({"material": material["id"], "upload": upload["id"]})
        else:
            found.append({"material": material["id"], "reference": f"示例 {material['id']}"})
    return found


async def answer_notice(intake: Caller, progress: dict[str, Any], plan: dict[str, Any]) -> bool:
    """Put right what the open notice names, with the papers of its step; return whether it did."""
    notice = progress["rectification"]
    if notice is None:
        return False
    papers = [
        material["id"]
        for material in plan["materials"]
        if material["asked"] and notice["step"] in material["used_by_steps"]
    ]
    body = {
        "step": notice["step"],
        "round": notice["round"],
        "materials": [{"material": paper, "reference": "修改后的版本"} for paper in papers[:20]],
    }
    number = progress["number"]
    await intake.post(f"/v1/applications/{number}/rectifications", body)
    return True
