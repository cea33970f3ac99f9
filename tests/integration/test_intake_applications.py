"""Submitting and reading applications: once, complete, one's own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.contracts.events import ApplicationSubmitted
from services.contracts.vocabulary import Role
from services.intake.numbering import is_sound
from services.runtime import telemetry
from tests.conftest import Databases
from tests.integration.intake_kit import (
    COMPANY,
    HASHER,
    INVESTOR,
    ISSUER,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    bearer,
    officer,
    once,
    prepare,
    problem,
    running,
)


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        yield found


async def counted(intake: Intake) -> dict[str, int]:
    tables = ("application", "party", "material", "outbox", "audit_leaf", "idempotency", "plan")
    return {name: await intake.pool.fetchval(f"SELECT count(*) FROM {name}") for name in tables}


async def test_a_complete_application_is_accepted_with_a_dated_receipt(intake: Intake) -> None:
    answer = await intake.submit()
    assert answer.status_code == 201, answer.text
    receipt, plan = answer.json(), intake.plan
    number = receipt["number"]
    assert is_sound(number)
    assert answer.headers["location"] == f"/v1/applications/{number}" == receipt["links"]["self"]
    assert receipt["received_at"] == receipt["accepted"]["at"] == "2026-03-02T01:30:00Z"
    assert receipt["accepted"]["basis"] == "行政许可法 32(5)"
    assert receipt["promised_on"] == plan.promised_on.isoformat()
    assert receipt["provisional"] is False
    assert receipt["plan_digest"] == plan.digest
    assert receipt["totals"]["promised_critical"] == plan.promised_days


async def test_what_is_told_of_it_is_what_the_plan_can_be_made_from_again(intake: Intake) -> None:
    number = await intake.accepted()
    [message] = await intake.outbox()
    event = ApplicationSubmitted.model_validate(message["data"])
    assert (message["subject"], message["seq"], message["source"]) == (number, 1, "intake")
    again = intake.parts.shelf.plan(
        event.catalogue_version,
        event.scenario,
        event.facts,
        event.held,
        intake.parts.shelf.calendar.local_date(event.submitted_at),
    )
    assert event.plan_digest == again.digest == intake.plan.digest
    assert [one.material for one in event.materials] == [one.id for one in intake.asked()]
    assert set(event.applicant_refs) == {HASHER.ref(f"{ISSUER}\ninvestor"), HASHER.ref(COMPANY)}


async def test_without_a_code_of_its_own_a_project_goes_by_the_number(intake: Intake) -> None:
    number = await intake.accepted(project={"name": "饭店", "address": "创业路 8 号"})
    [message] = await intake.outbox()
    assert message["data"]["project_code"] == number


async def test_everything_missing_or_wrong_is_told_at_once(intake: Intake) -> None:
    missing = intake.asked()[:2]
    given = intake.submission()
    materials = [*given["materials"][2:], {"material": "unheard-of", "reference": "x"}]
    held = {intake.plan.steps[-1].parts[0].item: "QX-0"}
    agent = {"name": "代理人", "id_number": "110105194912310021", "phone": "13800000000"}
    answer = await intake.submit(
        materials=materials,
        agent=agent,
        applicant={**given["applicant"], "id_number": "91350100M000100Y44"},
    )
    body = problem(answer, 422, "incomplete")
    assert [one["material"] for one in body["missing"]] == [one.id for one in missing]
    assert body["missing"][0]["name"] == {"zh": missing[0].name.zh, "en": missing[0].name.en}
    pointers = [one["pointer"] for one in body["errors"]]
    assert pointers == [
        "#/materials",
        "#/materials",
        f"#/materials/{len(materials) - 1}/material",
        "#/applicant/id_number",
        "#/agent/id_number",
        "#/agent/authorisation",
    ]
    claimed = problem(await intake.submit(held=held), 422, "incomplete")
    assert f"#/held/{next(iter(held))}" in [one["pointer"] for one in claimed["errors"]]
    assert set((await counted(intake)).values()) == {0}


async def test_facts_are_refused_with_one_error_and_fix_per_question(intake: Intake) -> None:
    given = intake.submission()
    wrong = dict.fromkeys(list(given["answers"])[:2], "nonsense")
    answer = await intake.client.post(
        "/v1/applications",
        json={**given, "answers": given["answers"] | wrong},
        headers={**INVESTOR, **once(), "accept-language": "en"},
    )
    body = problem(answer, 422, "facts-invalid")
    assert {one["pointer"] for one in body["errors"]} >= {f"#/answers/{name}" for name in wrong}
    for one in body["questions"]:
        assert one["message"]["zh"]
        assert one["fix"]["en"]
    assert (await counted(intake))["application"] == 0


async def test_a_material_of_the_catalogue_that_is_not_asked_for_is_not_stored(
    intake: Intake,
) -> None:
    asked = {one.id for one in intake.plan.materials if one.asked}
    other = next(one.id for one in intake.parts.catalogue().materials if one.id not in asked)
    given = intake.submission()
    answer = await intake.submit(
        materials=[*given["materials"], {"material": other, "reference": "x"}]
    )
    body = problem(answer, 422, "incomplete")
    assert [one["pointer"] for one in body["errors"]] == [
        f"#/materials/{len(given['materials'])}/material"
    ]


async def test_one_key_is_one_application_and_one_answer(intake: Intake) -> None:
    headers = {**INVESTOR, **once()}
    given = intake.submission()
    first = await intake.client.post("/v1/applications", json=given, headers=headers)
    again = await intake.client.post("/v1/applications", json=given, headers=headers)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["location"] == first.headers["location"]
    other = {**given, "project": {**given["project"], "name": "另一饭店"}}
    reused = await intake.client.post("/v1/applications", json=other, headers=headers)
    problem(reused, 422, "idempotency-key-reused")
    problem(
        await intake.client.post("/v1/applications", json=given, headers=dict(INVESTOR)),
        400,
        "idempotency-key-missing",
    )
    found = await counted(intake)
    assert (found["application"], found["outbox"], found["audit_leaf"]) == (1, 1, 1)


async def test_the_same_key_at_the_same_time_makes_one_application(intake: Intake) -> None:
    headers, given = {**INVESTOR, **once()}, intake.submission()

    async def post() -> Any:
        return await intake.client.post("/v1/applications", json=given, headers=headers)

    answers = await asyncio.gather(*(post() for _ in range(6)))
    codes = {answer.status_code for answer in answers}
    assert 201 in codes
    assert codes <= {201, 409}
    last = await post()
    assert {a.content for a in answers if a.status_code == 201} == {last.content}
    assert (await counted(intake))["application"] == 1


async def test_many_at_once_get_numbers_of_their_own(intake: Intake) -> None:
    numbers = await asyncio.gather(*(intake.accepted() for _ in range(12)))
    assert len(set(numbers)) == 12
    found = await counted(intake)
    assert (found["application"], found["outbox"], found["plan"]) == (12, 12, 1)


async def test_a_failure_after_the_effect_leaves_nothing(intake: Intake) -> None:
    await intake.pool.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no room'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_leaf EXECUTE FUNCTION refuse()"
    )
    problem(await intake.submit(), 500, "internal")
    assert set((await counted(intake)).values()) == {0}
    await intake.pool.execute("DROP TRIGGER refuse ON audit_leaf")
    await intake.accepted()
    assert (await counted(intake))["plan"] == 1


async def test_personal_data_stays_in_its_own_tables(intake: Intake) -> None:
    upload = await intake.uploaded(name="canary-4711.pdf")
    number = await intake.accepted(
        project={"name": "canary-4711 项目", "address": "canary-4711 路"},
        applicant={
            "name": "canary-4711 公司",
            "kind": "company",
            "id_number": COMPANY,
            "phone": "4711-4711",
        },
        agent={
            "name": "canary-4711 人",
            "id_number": PERSON.lower(),
            "phone": "4711-4711",
            "authorisation": upload,
        },
        materials=[{"material": one.id, "reference": "canary-4711"} for one in intake.asked()],
    )
    refs = (await intake.outbox())[0]["data"]["applicant_refs"]
    assert HASHER.ref(PERSON) in refs
    await intake.get(f"/v1/applications/{number}/dossier", SUPERVISOR)
    tables = ("outbox", "audit_leaf", "application", "stream_position")
    for table in tables:
        rows = await intake.pool.fetch(f"SELECT * FROM {table}")
        text = " ".join(
            bytes(value).decode() if isinstance(value, bytes) else str(value)
            for row in rows
            for key, value in row.items()
            if key not in ("project_name", "project_address")
        )
        assert rows
        for canary in ("canary-4711", "4711-4711", COMPANY, PERSON, "investor"):
            assert canary not in text, (table, canary)
    assert await intake.pool.fetchval("SELECT count(*) FROM party WHERE name LIKE 'canary%'") == 2


async def test_nobody_without_a_token_and_no_other_role(intake: Intake) -> None:
    number = await intake.accepted()
    paths = [
        "/v1/applications",
        f"/v1/applications/{number}",
        f"/v1/applications/{number}/plan",
        f"/v1/applications/{number}/progress",
        f"/v1/applications/{number}/results",
    ]
    for path in paths:
        problem(await intake.client.get(path), 401, "unauthenticated")
        for who in (officer("planning"), SUPERVISOR, bearer("op", Role.OPERATOR)):
            problem(await intake.get(path, who), 403, "forbidden")
    posts = [
        "/v1/applications",
        "/v1/uploads",
        f"/v1/applications/{number}/withdrawal",
        f"/v1/applications/{number}/rectifications",
    ]
    for path in posts:
        problem(await intake.client.post(path, json={}), 401, "unauthenticated")
        problem(
            await intake.client.post(path, json={}, headers={**officer("planning"), **once()}),
            403,
            "forbidden",
        )


async def test_anothers_application_is_not_there(intake: Intake) -> None:
    number = await intake.accepted()
    for end in ("", "/plan", "/progress", "/results"):
        path = f"/v1/applications/{number}{end}"
        assert (await intake.get(path)).status_code == 200
        problem(await intake.get(path, STRANGER), 404, "not-found")
    answer = await intake.client.post(
        f"/v1/applications/{number}/withdrawal", headers={**STRANGER, **once()}
    )
    problem(answer, 404, "not-found")
    assert (await intake.get("/v1/applications", STRANGER)).json()["items"] == []


async def test_a_number_that_can_be_none_is_not_found(intake: Intake) -> None:
    number = await intake.accepted()
    slip = number[:-1] + str((int(number[-1]) + 1) % 10)
    for wrong in (slip, "nonsense", number.lower()):
        problem(await intake.get(f"/v1/applications/{wrong}"), 404, "not-found")


async def test_one_reads_ones_own_as_it_was_handed_in(intake: Intake) -> None:
    number = await intake.accepted()
    answer = await intake.get(f"/v1/applications/{number}")
    shown, given = answer.json(), intake.submission()
    assert answer.headers["etag"] == '"1"'
    assert shown["answers"] == given["answers"]
    assert shown["status"] == "received"
    assert shown["plan"]["digest"] == intake.plan.digest
    assert shown["receipt"]["received_at"] == "2026-03-02T01:30:00Z"
    assert shown["receipt"]["number"] == number
    same = await intake.client.get(
        f"/v1/applications/{number}", headers={**INVESTOR, "if-none-match": '"1"'}
    )
    assert (same.status_code, same.content) == (304, b"")
    plan = await intake.get(f"/v1/applications/{number}/plan")
    assert plan.content == intake.plan.to_json()


async def test_the_list_goes_page_by_page_newest_first(intake: Intake) -> None:
    numbers = [await intake.accepted() for _ in range(5)]
    await intake.submit(STRANGER)
    seen: list[str] = []
    path = "/v1/applications?limit=2"
    while True:
        page = (await intake.get(path)).json()
        assert len(page["items"]) <= 2
        seen += [row["number"] for row in page["items"]]
        if page["next"] is None:
            break
        path = f"/v1/applications?limit=2&after={page['next']}"
    assert seen == sorted(numbers, reverse=True)
    problem(await intake.get("/v1/applications?after=nonsense"), 400, "bad-cursor")
    problem(await intake.get("/v1/applications?limit=101"), 422, "invalid")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.install(provider)
    yield exporter
    telemetry.shutdown()


async def test_what_follows_from_an_application_is_in_its_trace(
    intake: Intake, spans: InMemorySpanExporter
) -> None:
    submitted = await intake.submit()
    number = submitted.json()["number"]
    withdrawn = await intake.client.post(
        f"/v1/applications/{number}/withdrawal", headers={**INVESTOR, **once()}
    )
    trace, own_trace = submitted.headers["x-trace-id"], withdrawn.headers["x-trace-id"]
    assert trace != own_trace
    told = [one["traceparent"].split("-")[1:3] for one in await intake.outbox()]
    assert [found for found, _ in told] == [trace, trace]
    by_id = {f"{one.context.span_id:016x}": one for one in spans.get_finished_spans()}
    first, second = (by_id[span] for _, span in told)
    assert first.name == second.name == "application.submit"
    assert second.parent is not None
    assert f"{second.parent.span_id:016x}" == told[0][1]
    assert [f"{link.context.trace_id:032x}" for link in second.links] == [own_trace]
    for one in (first, second):
        assert one.attributes is not None
        assert one.attributes["lianshen.application"] == number
    assert COMPANY not in str([one.to_json() for one in by_id.values()])
