"""What everybody may know without a token, and what the OpenAPI document says."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio

from tests.conftest import Databases
from tests.integration.intake_kit import SCENARIO, Intake, prepare, problem, running


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


async def test_the_catalogue_in_force_is_public(intake: Intake) -> None:
    shown = (await intake.client.get("/v1/catalogue")).json()
    catalogue = intake.parts.catalogue()
    assert shown["version"] == catalogue.county.version
    assert shown["digest"] == catalogue.digest
    assert shown["counts"]["items"] == len(catalogue.items)
    assert shown["counts"]["unverified"] <= len(catalogue.items)
    assert len(shown["departments"]) == len(catalogue.departments)


async def test_items_are_found_by_stage_department_and_word(intake: Intake) -> None:
    catalogue = intake.parts.catalogue()
    some = catalogue.items[0]

    async def codes(query: str) -> set[str]:
        answer = await intake.client.get(f"/v1/catalogue/items{query}")
        return {one["code"] for one in answer.json()["items"]}

    assert await codes("") == {one.code for one in catalogue.items}
    assert await codes(f"?stage={some.stage}") == {
        one.code for one in catalogue.items if one.stage == some.stage
    }
    assert await codes(f"?department={some.department}") == {
        one.code for one in catalogue.items if some.department in (one.department, *one.co_deciders)
    }
    assert some.code in await codes(f"?q={some.name.zh}")
    assert await codes("?q=unheard-of") == set()


async def test_everything_about_an_item_is_public(intake: Intake) -> None:
    for found in intake.parts.catalogue().items:
        answer = await intake.client.get(f"/v1/catalogue/items/{found.code}")
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert shown["department"]["code"] == found.department
        assert len(shown["legal_basis"]) == len(found.legal_basis)
        assert [one["material"]["id"] for one in shown["materials"]] == [
            one.material for one in found.materials
        ]
        assert shown["promised"]["value"] == found.promised.value
        assert (shown["statutory"] is None) is (found.statutory is None)
        assert shown["fee"]["standard"] or shown["fee"]["fee"]["free"]
        assert shown["result"]["name"]["zh"]
    problem(await intake.client.get("/v1/catalogue/items/UNHEARD-OF"), 404, "not-found")


async def test_a_questionnaire_carries_a_complete_example(intake: Intake) -> None:
    [row] = (await intake.client.get("/v1/catalogue/scenarios")).json()["scenarios"]
    shown = (await intake.client.get(f"/v1/catalogue/scenarios/{row['code']}")).json()
    assert row["questions"] == len(shown["questions"])
    answer = await intake.client.post(
        "/v1/plans", json={"scenario": row["code"], "answers": shown["example"]}
    )
    assert answer.status_code == 200, answer.text
    problem(await intake.client.get("/v1/catalogue/scenarios/unheard-of"), 404, "not-found")


async def test_a_plan_is_the_same_bytes_for_the_same_question(intake: Intake) -> None:
    question = {
        "scenario": SCENARIO,
        "answers": intake.submission()["answers"],
        "start": "2026-03-02",
    }
    one = await intake.client.post("/v1/plans", json=question)
    two = await intake.client.post("/v1/plans", json=question)
    assert one.content == two.content == intake.plan.to_json()
    assert one.headers["etag"] == f'"{intake.plan.digest}"'
    later = await intake.client.post("/v1/plans", json={**question, "start": "2026-04-01"})
    assert later.json()["start"] == "2026-04-01"
    assert await intake.pool.fetchval("SELECT count(*) FROM plan") == 0


async def test_bad_facts_name_the_question_and_the_fix(intake: Intake) -> None:
    answer = await intake.client.post("/v1/plans", json={"scenario": SCENARIO, "answers": {}})
    body = problem(answer, 422, "facts-invalid")
    assert len(body["errors"]) == len(body["questions"]) > 0
    assert all(one["fix"]["zh"] and one["fix"]["en"] for one in body["questions"])
    unknown = await intake.client.post("/v1/plans", json={"scenario": "unheard-of", "answers": {}})
    assert problem(unknown, 422, "facts-invalid")["errors"][0]["pointer"] == "#/scenario"


async def test_before_any_catalogue_holds_nothing_can_be_planned(intake: Intake) -> None:
    question = {"scenario": SCENARIO, "answers": {}, "start": "2001-01-01"}
    answer = await intake.client.post("/v1/plans", json=question)
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "#/start"


async def test_every_operation_is_documented_with_its_problems(intake: Intake) -> None:
    document = (await intake.client.get("/openapi.json")).json()
    public = {"/v1/catalogue", "/v1/plans", "/healthz", "/readyz"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("description"), where
            shown = method == "get" and path.startswith(("/v1/catalogue/", "/v1/public/"))
            open_to_all = (shown or path in public) and path != "/v1/catalogue/pending"
            assert bool(operation.get("security")) is not open_to_all, where
            if not open_to_all:
                assert {"401", "403"} <= set(operation["responses"]), where
    submit = document["paths"]["/v1/applications"]["post"]["responses"]
    examples = submit["422"]["content"]["application/problem+json"]["examples"]
    assert {"facts-invalid", "incomplete", "invalid", "idempotency-key-reused"} <= set(examples)
    assert "multipart/form-data" in str(document["paths"]["/v1/uploads"]["post"]["requestBody"])
