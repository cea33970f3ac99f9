"""Who reaches what: every route, every role, one's own department and another."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from services.departments import api
from tests.integration.departments_parts import (
    CHIEF,
    HEAD,
    INVESTOR,
    OFFICER,
    OPERATOR,
    SUPERVISOR,
    Desk,
    code_of,
    consult,
    issued,
    token,
)

NOBODY: dict[str, str] = {}
STRAY = token("officer-9", None, "officer")
PEOPLE = {
    "nobody": NOBODY,
    "investor": INVESTOR,
    "operator": OPERATOR,
    "supervisor": SUPERVISOR,
    "stray officer": STRAY,
    "officer": OFFICER,
    "chief": CHIEF,
    "head": HEAD,
}
NOT_THEIRS = {
    "nobody": "unauthenticated",
    "investor": "forbidden",
    "operator": "forbidden",
    "supervisor": "forbidden",
    "stray officer": "no-department",
    "head": "forbidden",
}
READ = NOT_THEIRS | {"supervisor": "ok", "officer": "ok", "chief": "ok", "head": "ok"}
ACT = NOT_THEIRS | {"officer": "ok", "chief": "ok"}
OPERATE = dict.fromkeys(PEOPLE, "forbidden") | {"nobody": "unauthenticated", "operator": "ok"}
GRANT = {"outcome": "granted"}
# Route -> (body, who may on a task of planning).
MATRIX: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {
    ("GET", "/v1/tasks"): (None, READ | {"supervisor": "department-required"}),
    ("GET", "/v1/tasks/counts"): (None, READ | {"supervisor": "department-required"}),
    ("GET", "/v1/tasks/{id}"): (None, READ),
    ("GET", "/v1/tasks/{id}/history"): (None, READ),
    ("POST", "/v1/tasks/{id}/claim"): (None, ACT),
    ("POST", "/v1/tasks/{id}/release"): (None, ACT),
    ("POST", "/v1/tasks/{id}/notes"): ({"text": "x"}, ACT),
    ("POST", "/v1/tasks/{id}/opinion"): ({"outcome": "no_objection"}, ACT),
    ("POST", "/v1/tasks/{id}/decision"): (GRANT, ACT | {"officer": "representative-required"}),
    ("POST", "/v1/tasks/decisions"): ({"entries": [{"id": 1, **GRANT}]}, ACT),
    ("GET", "/v1/operations/silent-tasks"): (None, OPERATE),
}


def test_the_matrix_has_every_route() -> None:
    routes = {
        (method, route.path)
        for router in (api.router, api.operations)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert routes == set(MATRIX)


async def ask(desk: Desk, method: str, path: str, who: dict[str, str], body: Any) -> Any:
    path = path.removeprefix("/v1")
    return await (desk.get(path, who) if method == "GET" else desk.post(path, who, body))


def fresh(path: str, **fields: Any) -> Any:
    return consult(**fields) if path.endswith("opinion") else issued(**fields)


@pytest.mark.parametrize(("method", "path"), MATRIX)
async def test_who_reaches_a_task_of_planning(desk: Desk, method: str, path: str) -> None:
    body, expected = MATRIX[method, path]
    found = {}
    for name, who in PEOPLE.items():
        [id_] = await desk.put(fresh(path))
        found[name] = code_of(await ask(desk, method, path.replace("{id}", str(id_)), who, body))
    assert found == expected


@pytest.mark.parametrize(("method", "path"), [pair for pair in MATRIX if "{id}" in pair[1]])
async def test_a_task_of_another_department_is_not_there(
    desk: Desk, method: str, path: str
) -> None:
    [id_] = await desk.put(fresh(path, department="fire"))
    for who in (OFFICER, CHIEF):
        body = MATRIX[method, path][0]
        other = await ask(desk, method, path.replace("{id}", str(id_)), who, body)
        missing = await ask(desk, method, path.replace("{id}", "999"), who, body)
        assert (other.status_code, code_of(other)) == (404, "not-found")
        assert {**other.json(), "instance": ""} == {**missing.json(), "instance": ""}
    assert await desk.value("SELECT version FROM task") == 1
    assert await desk.value("SELECT count(*) FROM act") == 0


async def test_lists_show_ones_own_department_only(desk: Desk) -> None:
    own, other = await desk.put(issued(), issued(department="fire"))
    listed = (await desk.get("/tasks", OFFICER)).json()["items"]
    assert [one["id"] for one in listed] == [own]
    assert code_of(await desk.get("/tasks", OFFICER, department="fire")) == "not-found"
    assert code_of(await desk.get("/tasks/counts", OFFICER, department="fire")) == "not-found"
    assert (await desk.get("/tasks", OFFICER, department="planning")).status_code == 200
    batch = await desk.post("/tasks/decisions", CHIEF, {"entries": [{"id": other, **GRANT}]})
    assert batch.json()["results"][0]["problem"]["status"] == 404
    assert await desk.value("SELECT count(*) FROM outcome") == 0


async def test_a_supervisor_reads_every_department_and_changes_nothing(desk: Desk) -> None:
    _, other = await desk.put(issued(), issued(department="fire"))
    listed = (await desk.get("/tasks", SUPERVISOR, department="fire")).json()["items"]
    assert [one["id"] for one in listed] == [other]
    counts = (await desk.get("/tasks/counts", SUPERVISOR, department="fire")).json()
    assert (counts["department"], counts["open"]) == ("fire", 1)
    assert (await desk.get(f"/tasks/{other}", SUPERVISOR)).status_code == 200
    assert (await desk.get(f"/tasks/{other}/history", SUPERVISOR)).json()["items"] == []


async def test_an_officer_who_also_supervises_still_acts_at_home_only(desk: Desk) -> None:
    both = token("officer-5", "planning", "chief_representative", "supervisor")
    _, other = await desk.put(issued(), issued(department="fire"))
    assert (await desk.get(f"/tasks/{other}", both)).status_code == 200
    assert code_of(await desk.decide(other, GRANT, both)) == "not-found"


async def test_every_operation_is_documented_with_an_example(desk: Desk) -> None:
    document = desk.app.openapi()
    for method, path in MATRIX:
        operation = document["paths"][path][method.lower()]
        assert operation["summary"] or operation["description"]
        assert operation["security"]
        assert {"401", "403", "500", "503"} <= set(operation["responses"])
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            model = document["components"]["schemas"][schema["$ref"].rsplit("/")[-1]]
            told = [
                *model.get("examples", []),
                *(p.get("examples") for p in model["properties"].values()),
            ]
            assert any(told), path
