"""Figures on real tables equal a plain reckoning of the same rows; the report says the same."""

import asyncio
import csv
import io
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pypdfium2
import pytest
import pytest_asyncio

from services.contracts.vocabulary import Grade, PauseKind, Service, Unit
from services.domain.limits import Ledger, Pause
from services.domain.route import Budget
from services.orchestrator.measuring import QUERIES, Measurer
from services.orchestrator.reprojection import Calendars
from services.runtime.embedded.temporal import Temporal
from services.runtime.loops import Pulse
from services.verification.days import Days, local, span
from tests.integration import orchestrator_kit as centre
from tests.integration.conftest import OpenPool
from tests.integration.messaging import until
from tests.integration.orchestrator_kit import Engine, Kit, problem_of

DEPARTMENTS = ("market-supervision", "city-appearance", "fire-rescue", "nobody-knows")
ITEMS = ("BUSINESS-LICENCE", "FIRE-CHECK", "SIGNBOARD")
FIRST, LAST = date(2025, 3, 1), date(2026, 2, 28)
NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
DAYS = Days(Path("deploy/calendar"))
Rows = list[dict[str, Any]]


@pytest_asyncio.fixture
async def kit(open_service_pool: OpenPool) -> Kit:
    found = Kit(pool=await open_service_pool(Service.ORCHESTRATOR))
    found.clock.move_to(NOW)
    return found


class World:
    """A year of random work, as rows; and what is to be said of a period of it."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.applications: Rows = []
        self.tasks: Rows = []
        self.results: Rows = []
        self.ratings: Rows = []
        self.cards: Rows = []
        self.follow_ups: Rows = []
        for place in range(60):
            self._application(f"NX20250301-{seed:03d}{place:03d}-1")

    def _instant(self, first: date, days: int) -> datetime:
        day = first + timedelta(days=self._dice.randrange(days + 1))
        hour = time(self._dice.randrange(24), self._dice.randrange(60))
        return datetime.combine(day, hour, UTC)

    def _application(self, number: str) -> None:
        dice = self._dice
        submitted = self._instant(FIRST, 330)
        over = dice.random() < 0.8
        tasks = [self._task(number, submitted, n, over=over) for n in range(dice.randrange(1, 7))]
        self.tasks += tasks
        ends = [task["ended_at"] for task in tasks if task["ended_at"]]
        over = over and bool(ends)
        self.applications.append(
            {
                "number": number,
                "submitted_at": submitted,
                "concluded_at": max(ends) if over else None,
                "conclusion": dice.choice(["granted", "withdrawn"]) if over else None,
                "in_time": dice.random() < 0.7 if over else None,
                "used_working_days": dice.randrange(40) if over else None,
                "promised_working_days": dice.randrange(1, 40),
            }
        )
        self._people(number, tasks)

    def _task(self, number: str, submitted: datetime, place: int, *, over: bool) -> dict[str, Any]:
        dice = self._dice
        issued = self._instant(submitted.date(), 20)
        state = dice.choice(["decided"] * 5 + ["lapsed", "cancelled"] + ["open"] * (not over))
        promised = DAYS.due(dice.randrange(15), "working_day", local(issued))
        statutory = dice.choice([None, DAYS.due(dice.randrange(40), "working_day", local(issued))])
        decides = dice.random() < 0.7
        outcomes = ("granted", "refused") if decides else ("no_objection", "objection")
        return {
            "task": f"{number}/X/Y/{place + 1}",
            "application": number,
            "item": dice.choice(ITEMS),
            "department": dice.choice(DEPARTMENTS),
            "round": place + 1,
            "state": state,
            "outcome": dice.choice(outcomes) if state == "decided" else None,
            "issued_at": issued,
            "promised_on": promised,
            "promised_at": DAYS.close(promised),
            "statutory_on": statutory,
            "statutory_at": statutory and DAYS.close(statutory),
            "ended_at": None if state == "open" else issued + self._lasting(),
            "pauses": [self._pause(issued) for _ in range(dice.choice([0, 0, 0, 1, 2]))],
        }

    def _lasting(self) -> timedelta:
        return timedelta(minutes=self._dice.randrange(30 * 24 * 60))

    def _pause(self, issued: datetime) -> Pause:
        dice = self._dice
        start = local(issued) + timedelta(days=dice.randrange(12))
        cap = dice.choice([None, Budget(value=dice.randrange(9), unit=dice.choice(list(Unit)))])
        return Pause(
            kind=PauseKind.HEARING,
            from_on=start,
            until_on=start + timedelta(days=dice.randrange(9)),
            cap=cap,
            notice=dice.choice(["通知", "通知", None]),
            article="行政许可法 45",
        )

    def _people(self, number: str, tasks: Rows) -> None:
        """What was decided, what people said of it, and what the supervision did."""
        dice = self._dice
        decided = {t["item"]: t["department"] for t in tasks if t["outcome"] == "granted"}
        self.results += [
            {"application": number, "item": item, "department": department}
            for item, department in decided.items()
        ]
        for department in sorted(set(decided.values())):
            if dice.random() < 0.8:
                at = self._instant(FIRST, 360)
                grade = dice.choice(list(Grade))
                given = {"application": number, "department": department, "grade": grade}
                self.ratings.append({**given, "at": at})
                if grade in list(Grade)[-2:]:
                    closed = dice.choice([None, at + self._lasting()])
                    self.follow_ups.append(
                        {**given, "at": at, "due_at": at + self._lasting(), "closed_at": closed}
                    )
        self.cards += [
            {
                "subject": f"{number}/{n}",
                "department": dice.choice(DEPARTMENTS),
                "item": dice.choice([None, *ITEMS]),
                "colour": dice.choice(["yellow", "red"]),
                "state": dice.choice(["open", "appealed", "upheld", "lifted"]),
                "at": self._instant(FIRST, 360),
            }
            for n in range(dice.randrange(3))
        ]

    # What is to be said of it, one row at a time.

    def days(self, task: dict[str, Any], until: date) -> set[date]:
        paused: set[date] = set()
        for pause in task["pauses"]:
            if pause.notice:
                cap = pause.cap and (pause.cap.value, str(pause.cap.unit))
                paused |= DAYS.pause(pause.from_on, pause.until_on, cap)
        every = span(local(task["issued_at"]) + timedelta(days=1), until)
        return {day for day in every if DAYS.works(day) and day not in paused}

    def worked(self, task: dict[str, Any]) -> set[date]:
        day = local(task["ended_at"])
        if task["ended_at"] > DAYS.close(day):
            day += timedelta(days=1)
        while not DAYS.works(day):
            day += timedelta(days=1)
        return self.days(task, day)

    def saved(self) -> dict[str, float]:
        """Each task's share, of the applications that are over."""
        over = {one["number"] for one in self.applications if one["concluded_at"]}
        worked = {t["task"]: self.worked(t) for t in self.tasks if done(t)}
        at_once: Counter[tuple[str, date]] = Counter()
        for name, days in worked.items():
            at_once.update((name.split("/")[0], day) for day in days)
        return {
            name: sum(1 - 1 / at_once[name.split("/")[0], day] for day in days)
            for name, days in worked.items()
            if name.split("/")[0] in over
        }


def done(task: dict[str, Any]) -> bool:
    return task["state"] in {"decided", "lapsed"}


def within(at: datetime | None, since: date, until: date) -> bool:
    return at is not None and since <= local(at) <= until


async def fill(kit: Kit, world: World) -> None:
    pool = kit.pool
    await pool.executemany(
        "INSERT INTO application (number, project_code, scenario, status, facts, route, shared, "
        "plan_digest, catalogue_version, calendar_version, submitted_at, promised_at, provisional, "
        "conclusion, concluded_at, used_working_days, promised_working_days, in_time) VALUES "
        "($1, 'P', 'restaurant', 'concluded', '{}', '{}', '{}', '', '1', $2, $3, $3, false, $4, "
        "$5, $6, $7, $8)",
        [
            (
                *(one["number"], centre.shelf().calendar.version, one["submitted_at"]),
                *(one["conclusion"], one["concluded_at"], one["used_working_days"]),
                *(one["promised_working_days"], one["in_time"]),
            )
            for one in world.applications
        ],
    )
    await pool.executemany(
        "INSERT INTO task (task, application, step, item, department, part, round, state, outcome, "
        "issued_at, promised_on, promised_at, statutory_on, statutory_at, provisional, ended_at, "
        "ledger) VALUES ($1, $2, 's', $3, $4, 'decide', $5, $6, $7, $8, $9, $10, $11, $12, false, "
        "$13, $14)",
        [
            (
                *(one[name] for name in list(one)[:-1]),
                msgspec.json.encode(Ledger(pauses=tuple(one["pauses"]))).decode()
                if one["pauses"]
                else None,
            )
            for one in world.tasks
        ],
    )
    await pool.executemany(
        "INSERT INTO result (application, item, department, step, outcome, decided_at, "
        "released_at) VALUES ($1, $2, $3, 's', 'granted', now(), now())",
        [tuple(one.values()) for one in world.results],
    )
    await pool.executemany(
        "INSERT INTO rating (application, department, grade, rated_at) VALUES ($1, $2, $3, $4)",
        [tuple(one.values()) for one in world.ratings],
    )
    await pool.executemany(
        "INSERT INTO follow_up (application, department, grade, opened_at, due_on, "
        "calendar_version, due_at, answer, answered_by, answered_at, closing, closed_by, closed_at)"
        " SELECT $1, $2, $3, $4, '2026-01-01', '1', $5, 'a', 'b', $4, c.text, c.text, $6 "
        "FROM (SELECT CASE WHEN $6::timestamptz IS NOT NULL THEN 'c' END AS text) AS c",
        [tuple(one.values()) for one in world.follow_ups],
    )
    await pool.executemany(
        "INSERT INTO card (rule, fact, article, rules_version, evidence, subject, department, "
        "item, colour, state, raised_at) VALUES ('r', 'f', 'a', '1', '{\"a\": 1}', $1, $2, $3, $4, "
        "$5, $6)",
        [tuple(one.values()) for one in world.cards],
    )


def p90(values: Sequence[int]) -> int:
    return sorted(values)[ceil(0.9 * len(values)) - 1]


def expected(world: World, since: date, until: date, by: str) -> dict[Any, dict[str, Any]]:
    """The lines of a period, reckoned row by row."""
    by_item = by == "item"
    lines: dict[Any, dict[str, Any]] = defaultdict(
        lambda: {"saved": 0.0, "cards": Counter(), "ratings": Counter(), "of": []}
    )
    ends = {one["number"]: one["concluded_at"] for one in world.applications}
    shares = world.saved()
    for task in filter(done, world.tasks):
        key = task["department"], task["item"] if by_item else None
        if within(task["ended_at"], since, until):
            lines[key]["of"].append(task)
        if within(ends[task["application"]], since, until):
            lines[key]["saved"] += shares[task["task"]]
    for rating in world.ratings:
        if within(rating["at"], since, until):
            for item in items_of(world, rating) if by_item else [None]:
                lines[rating["department"], item]["ratings"][rating["grade"]] += 1
    standing = [one for one in world.cards if one["state"] != "lifted"]
    for card in standing:
        if within(card["at"], since, until) and (card["item"] or not by_item):
            key = card["department"], card["item"] if by_item else None
            lines[key]["cards"][card["colour"]] += 1
    return lines


def items_of(world: World, rating: dict[str, Any]) -> Iterable[str]:
    return [
        one["item"]
        for one in world.results
        if (one["application"], one["department"]) == (rating["application"], rating["department"])
    ]


def check(world: World, line: dict[str, Any], given: dict[str, Any]) -> None:
    """Compare one line with what is to be said."""
    tasks = given["of"]
    assert line["volume"] == len(tasks)
    assert line["granted"] == sum(t["outcome"] == "granted" for t in tasks)
    assert line["silent"] == sum(t["state"] == "lapsed" for t in tasks)
    for name, days in (
        ("used", [len(world.worked(t)) for t in tasks]),
        ("promised", [len(world.days(t, t["promised_on"])) for t in tasks]),
        ("statutory", [len(world.days(t, t["statutory_on"])) for t in tasks if t["statutory_on"]]),
    ):
        spread = {"median": float(statistics.median(days)), "p90": p90(days)} if days else None
        assert line[name] == spread, name
    decided = [t for t in tasks if t["state"] == "decided"]
    kept = sum(t["ended_at"] <= t["promised_at"] for t in decided)
    assert line["on_time"] == (pytest.approx(kept / len(tasks), abs=1e-4) if tasks else None)
    limited = [t for t in tasks if t["statutory_at"]]
    lawful = sum(t["ended_at"] <= t["statutory_at"] for t in limited if t["state"] == "decided")
    assert line["lawful"] == (pytest.approx(lawful / len(limited), abs=1e-4) if limited else None)
    assert line["saved_days"] == pytest.approx(given["saved"], abs=0.06)
    assert line["cards"] == {"yellow": given["cards"]["yellow"], "red": given["cards"]["red"]}
    assert line["ratings"] == dict(given["ratings"])


def periods(dice: random.Random) -> list[tuple[date, date]]:
    months = [(date(2025, 6, 1), date(2025, 6, 30)), (date(2026, 2, 1), date(2026, 2, 28))]
    starts = [FIRST + timedelta(days=dice.randrange(330)) for _ in range(3)]
    anyhow = [(day, day + timedelta(days=dice.randrange(90))) for day in starts]
    return [(FIRST, LAST + timedelta(days=60)), *months, *anyhow]


@pytest_asyncio.fixture
async def running(kit: Kit, temporal: Temporal) -> Engine:
    return await centre.engine(kit, temporal.address)


@pytest.mark.parametrize("seed", [1, 2])
async def test_figures_equal_a_plain_reckoning(kit: Kit, running: Engine, seed: int) -> None:
    world = World(seed)
    await fill(kit, world)
    async with centre.serving(kit, running) as api:
        for since, until in periods(random.Random(seed)):
            for by in ("department", "item"):
                query = {"from": since.isoformat(), "to": until.isoformat(), "by": by}
                answer = await api.get("/supervision/figures", centre.SUPERVISOR, **query)
                assert answer.status_code == 200, answer.text
                given = expected(world, since, until, by)
                lines = {(one["department"], one["item"]): one for one in answer.json()["rows"]}
                assert lines.keys() == given.keys()
                for key, line in lines.items():
                    check(world, line, given[key])
            check_wholes(world, answer.json(), since, until)


def check_wholes(world: World, told: dict[str, Any], since: date, until: date) -> None:
    ended = [
        one
        for one in world.applications
        if within(one["concluded_at"], since, until) and one["conclusion"] != "withdrawn"
    ]
    numbers = {one["number"] for one in ended}
    shares = world.saved().items()
    wholes = told["wholes"]
    assert wholes["applications"] == len(ended)
    assert wholes["saved_days"] == pytest.approx(
        sum(share for name, share in shares if name.split("/")[0] in numbers), abs=0.06
    )
    opened = [one for one in world.follow_ups if within(one["at"], since, until)]
    assert told["follow_ups"] == {
        "opened": len(opened),
        "closed": sum(one["closed_at"] is not None for one in opened),
        "overdue": sum((one["closed_at"] or NOW) > one["due_at"] for one in opened),
    }


async def test_the_report_of_a_month_in_three_forms(kit: Kit, running: Engine) -> None:
    await fill(kit, World(3))
    report = {"commended_volume": 1, "commended_ratings": 1, "commended_rating": 1.0}
    async with centre.serving(kit, running, report=report) as api:
        path = "/supervision/reports/2026-02"
        told = (await api.get(path, centre.SUPERVISOR)).json()
        assert (told["month"], told["complete"], told["made_on"]) == ("2026-02", True, "2026-03-10")
        lines = told["departments"]
        assert [one["department"] for one in told["commended"]] == [
            one["department"]
            for one in sorted(lines, key=lambda one: -(one["rating"] or 0))
            if one["on_time"] == 1 and not sum(one["cards"].values()) and one["rating"]
        ]
        table = await api.get(f"{path}.csv", centre.SUPERVISOR)
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert len(rows) == len(lines) + len(told["items"])
        assert [int(row["办结 ended"]) for row in rows[: len(lines)]] == [
            one["volume"] for one in lines
        ]
        pdf = (await api.get(f"{path}.pdf", centre.SUPERVISOR)).content
        assert (await api.get(f"{path}.pdf", centre.SUPERVISOR)).content == pdf
        with pypdfium2.PdfDocument(pdf) as document:
            text = "".join(page.get_textpage().get_text_bounded() for page in document)
        for words in ("联合审批效能月报", "Commendation list", "表扬名单", "nobody-knows"):
            assert words in text, words
        assert (await api.get("/supervision/reports/2026-03", centre.SUPERVISOR)).json()[
            "complete"
        ] is False
        for wrong, code in (("2026-04", "not-found"), ("2026-13", "invalid")):
            answer = await api.get(f"/supervision/reports/{wrong}", centre.SUPERVISOR)
            assert problem_of(answer) == code
        assert problem_of(await api.get(path, centre.CHIEF)) == "forbidden"
        assert problem_of(await api.get(path, None)) == "unauthenticated"


async def test_what_is_published_shows_no_single_application(kit: Kit, running: Engine) -> None:
    world = World(4)
    await fill(kit, world)
    since, until = date(2026, 1, 1), date(2026, 1, 31)
    given = expected(world, since, until, "department")
    volumes = sorted(len(line["of"]) for line in given.values())
    least = volumes[len(volumes) // 2]
    assert volumes[0] < least
    async with centre.serving(kit, running, report={"least_published": max(least, 3)}) as api:
        answer = await api.get("/public/performance", None, month="2026-01")
        assert answer.status_code == 200, answer.text
        lines = {one["department"]: one for one in answer.json()["departments"]}
        for (department, _), line in given.items():
            shown, many = lines[department], len(line["of"])
            hidden = many < max(least, 3)
            assert (shown["volume"] is None) == hidden
            if hidden:
                assert [shown[name] for name in ("used_median", "promised_median", "on_time")] == [
                    None
                ] * 3
            if line["ratings"].total() < max(least, 3):
                assert shown["rating"] is None
        # Neither the month that goes on (two looks would differ by one application) nor any other.
        for month in ("2026-03", "2026-05", "2020-01"):
            assert (
                problem_of(await api.get("/public/performance", None, month=month)) == "not-found"
            )
        last = (await api.get("/public/performance", None)).json()
        assert last["month"] == "2026-02"
        await _check_page(api, lines)


async def _check_page(api: centre.Api, lines: dict[str, Any]) -> None:
    """The page says the same, without a login, and nothing that the answer leaves out."""
    headers = {"accept": "text/html"}
    answer = await api.client.get("/performance?month=2026-01", headers=headers)
    assert answer.status_code == 200, answer.text
    rows = answer.text.partition("<tbody>")[2].split("</tr>")[: len(lines)]
    for row, line in zip(rows, lines.values(), strict=True):
        named = line["department_name"]
        assert (named["zh"] if named else line["department"]) in row
        said = f">{line['volume']}</td>" if line["volume"] is not None else "少于"
        assert said in row
    for month in ("2026-03", "2020-01", "x"):
        answer = await api.client.get(f"/performance?month={month}", headers=headers)
        assert answer.status_code in {404, 422}
        assert "<h1>" in answer.text


async def test_what_is_over_is_measured_beside_the_work(kit: Kit) -> None:
    await fill(kit, World(6))
    calendars = Calendars(kit.pool, lambda: centre.shelf().calendar)
    stop = asyncio.Event()
    body = Measurer(kit.pool, calendars).body(60.0)
    loop = asyncio.create_task(body(Pulse("figures"), stop))

    async def measured() -> bool:
        query = (
            "SELECT (SELECT count(*) FROM application WHERE concluded_at IS NOT NULL AND "
            "saved_days IS NULL) + (SELECT count(*) FROM task JOIN application AS a "
            "ON a.number = application WHERE concluded_at IS NOT NULL AND used_days IS NULL "
            "AND state IN ('decided', 'lapsed'))"
        )
        return not await kit.value(query)

    await until(measured, "everything is measured")
    stop.set()
    await loop


async def test_a_month_of_a_long_history_is_read_by_its_index(kit: Kit) -> None:
    await fill(kit, World(5))
    number = await kit.value("SELECT min(number) FROM application")
    await kit.pool.execute(
        "INSERT INTO task (task, application, step, item, department, part, round, state, "
        "issued_at, promised_on, promised_at, provisional, ended_at, used_days) "
        "SELECT $1 || '/I/D/' || n, $1, 's', 'I' || n % 40, 'd' || n % 20, 'decide', n + 100, "
        "'decided', at, at::date, at, false, at, 3 FROM (SELECT n, timestamptz '2025-03-01' + "
        "n * interval '12 minutes' AS at FROM generate_series(1, 40000) AS n) AS made",
        number,
    )
    await kit.pool.execute("ANALYZE task")
    plan = await kit.value(
        f"EXPLAIN (FORMAT JSON) {QUERIES.handled.sql}",
        False,
        datetime(2025, 9, 1, tzinfo=UTC),
        datetime(2025, 10, 1, tzinfo=UTC),
    )
    used = {node.get("Index Name") for node in walk(orjson.loads(plan)[0]["Plan"])}
    assert used - {None} == {"task_by_end"}


def walk(node: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)
