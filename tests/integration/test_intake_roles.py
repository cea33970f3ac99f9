"""Who may do what in intake: every act, every role, one's own application and another's."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from services.contracts.events import ApplicationProgressed, Result
from services.contracts.vocabulary import ApplicationStatus, Outcome, Role
from services.intake.payment import Sandbox
from services.runtime.web import operations
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    bearer,
    officer,
    once,
    prepare,
    running,
)
from tests.integration.waiting_told import BRIGADE, convened

AGENT = "110101194912310024"
FOOD, SIGN_FEE = "FOOD-PERMIT", "sign-space-fee"
BOTH = (Role.OPERATOR, Role.SUPERVISOR)
CENTRE = {
    "operator": bearer("operator", Role.OPERATOR),
    "supervisor": SUPERVISOR,
    "who submitted it, at the centre": bearer("investor", *BOTH),
    "the applicant, at the centre": bearer("clerk-1", *BOTH, number=PERSON),
    "the agent, at the centre": bearer("clerk-2", *BOTH, number=AGENT),
}
PEOPLE: Mapping[str, dict[str, str]] = {
    "nobody": {},
    "owner": INVESTOR,
    "stranger": STRANGER,
    "officer": officer("food-health"),
    **CENTRE,
}
CONCERNED = {name for name in CENTRE if name.endswith("at the centre")}
BILL = "/v1/applications/{application}/bill"
REMEDIES = "/v1/applications/{application}/results/{item}/remedies"
WHY = {"reason": "依据文件", "document": "财综〔2026〕1号"}
REVIEW = {"kind": "review", "authority": "市政府", "reference": "1号", "filed_on": "2026-03-02"}
ENDED = {"outcome": "upheld", "ended_on": "2026-03-02"}


@dataclass(frozen=True)
class Act:
    """Who may, and with which body. `on`: whose application it is about; "" about none."""

    role: Role
    on: str
    body: Any = None


ACTS: dict[str, Act] = {
    "/v1/applications": Act(Role.INVESTOR, "", {}),
    "/v1/inquiries": Act(Role.INVESTOR, "", {}),
    "/v1/uploads": Act(Role.INVESTOR, ""),
    "/v1/catalogue/approvals": Act(Role.SUPERVISOR, "", {}),
    "/v1/applications/{application}/rectifications": Act(
        Role.INVESTOR,
        "own",
        {"step": "s", "round": 1, "materials": [{"material": "m-m", "reference": "x"}]},
    ),
    "/v1/applications/{application}/supplements": Act(
        Role.INVESTOR, "own", {"round": 1, "materials": [{"material": "m-m", "reference": "x"}]}
    ),
    "/v1/applications/{application}/ratings": Act(
        Role.INVESTOR, "own", {"department": "food-health", "grade": "satisfied"}
    ),
    "/v1/applications/{application}/sessions/{lead}/{session}/answer": Act(
        Role.INVESTOR, "own", {"offer": 1}
    ),
    f"{BILL}/payments": Act(Role.INVESTOR, "own", {}),
    f"{BILL}/lines/{{standard}}/assessments": Act(
        Role.OPERATOR, "others", {"rate": "1", "document": "1号"}
    ),
    f"{BILL}/lines/{{standard}}/refund": Act(Role.OPERATOR, "others", WHY),
    f"{BILL}/lines/{{standard}}/exemption": Act(Role.OPERATOR, "others", WHY),
    REMEDIES: Act(Role.SUPERVISOR, "others", REVIEW),
    f"{REMEDIES}/{{remedy}}/outcome": Act(Role.SUPERVISOR, "others", ENDED),
    "/v1/operations/dead-letters/{letter}/replay": Act(Role.OPERATOR, ""),
    "/v1/operations/dead-letters/{letter}/discard": Act(Role.OPERATOR, ""),
    "/v1/applications/{application}/withdrawal": Act(Role.INVESTOR, "own"),
}
"""Every act that takes a login; the withdrawal last, because nothing much can follow it."""
TURNED_AWAY = {"unauthenticated", "forbidden", "own-application", "not-found"}


@dataclass
class Case:
    """An application of a person with an agent, one result of it, and a remedy against that."""

    intake: Intake
    number: str
    remedy: str = ""

    def path(self, template: str) -> str:
        return template.format(
            application=self.number,
            item=FOOD,
            remedy=self.remedy,
            standard=SIGN_FEE,
            letter=1,
            lead=BRIGADE,
            session=1,
        )

    async def ask(self, path: str, who: Mapping[str, str]) -> str:
        """Act; return the code of the problem, or "done"."""
        body = ACTS[path].body
        sent = {} if body is None else {"json": body}
        answer = await self.intake.client.post(self.path(path), headers={**who, **once()}, **sent)
        if answer.is_success:
            return "done"
        return str(answer.json()["type"]).rpartition(":")[2]


@pytest_asyncio.fixture
async def case(databases: Databases, tmp_path: Path) -> AsyncIterator[Case]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        running(pool, tmp_path) as intake,
    ):
        intake.parts = replace(intake.parts, payment=Sandbox())
        intake.app.state.parts = intake.parts
        operations.provide(intake.app, pool=pool, inbox=intake.inbox, clock=intake.clock)
        person = {"name": "欧阳若兰", "id_number": PERSON, "phone": "0375-5550100"}
        agent = {"name": "司马清", "id_number": AGENT, "phone": "0375-5550101"}
        number = await intake.accepted(
            applicant={**person, "kind": "person"},
            agent={**agent, "authorisation": await intake.uploaded()},
        )
        await intake.told(released(number), convened(number))
        found = Case(intake=intake, number=number)
        noted = await intake.client.post(
            found.path(REMEDIES),
            json={**REVIEW, "reference": "0号"},
            headers={**SUPERVISOR, **once()},
        )
        found.remedy = noted.json()["id"]
        yield found


def released(number: str) -> ApplicationProgressed:
    result = Result(
        item=FOOD,
        department="market-supervision",
        outcome=Outcome.GRANTED,
        number="食 1",
        decided_at=NOW,
        released_at=NOW,
    )
    return ApplicationProgressed(
        application=number, status=ApplicationStatus.IN_PROGRESS, at=NOW, results=(result,)
    )


def expected(act: Act, name: str) -> str:
    """Return what turns somebody away; "" when nothing does."""
    roles = {
        "nobody": set(),
        "owner": {Role.INVESTOR},
        "stranger": {Role.INVESTOR},
        "officer": {Role.OFFICER},
        "operator": {Role.OPERATOR},
        "supervisor": {Role.SUPERVISOR},
    }.get(name, set(BOTH))
    if name == "nobody":
        return "unauthenticated"
    if act.role not in roles:
        return "forbidden"
    if act.on == "own" and name != "owner":
        return "not-found"
    return "own-application" if act.on == "others" and name in CONCERNED else ""


async def test_the_table_has_every_act(case: Case) -> None:
    paths = case.intake.app.openapi()["paths"]
    acts = {path for path, found in paths.items() if "security" in found.get("post", {})}
    assert acts == set(ACTS)
    others = {method for found in paths.values() for method in found} - {"get", "post"}
    assert others == set()


async def test_who_is_turned_away_from_every_act(case: Case) -> None:
    """Nobody acts for the centre on what is his own: ALL 29, local rule."""
    wrong = {}
    for path, act in ACTS.items():
        for name, who in PEOPLE.items():
            before = await leaves(case)
            found = await case.ask(path, who)
            turned_away = found if found in TURNED_AWAY else ""
            if act.on == "" and found == "not-found":
                turned_away = ""  # there is no such letter
            if found == "internal" or turned_away != expected(act, name):
                wrong[path, name] = found
            if turned_away:
                assert await leaves(case) == before
    assert wrong == {}


async def leaves(case: Case) -> int:
    return int(await case.intake.pool.fetchval("SELECT count(*) FROM audit_leaf"))


async def test_without_a_conflict_the_acts_of_the_centre_are_done(case: Case) -> None:
    assert await case.ask(f"{BILL}/lines/{{standard}}/exemption", CENTRE["operator"]) == "done"
    for path in (REMEDIES, f"{REMEDIES}/{{remedy}}/outcome"):
        assert await case.ask(path, CENTRE["supervisor"]) == "done"
