"""The API of examinations: what a department is asked to look at before it is accepted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.contracts.acceptance import Lack
from services.contracts.events import MaterialRef
from services.contracts.vocabulary import DateChange, Role
from services.departments import examination, problems
from services.departments import examination_store as store
from services.departments.models import NUMBER, Asked, Ref, Written
from services.departments.scope import queue_of, sight_of
from services.departments.store import Row
from services.departments.web import (
    KEYED,
    LISTING,
    Department,
    IfMatch,
    Key,
    Officer,
    Reader,
    answer,
    number_in_path,
    once,
    plain,
)
from services.domain.catalogue import Catalogue, Name
from services.runtime.catalogue_shelf import Shelf, UnknownVersionError
from services.runtime.web import etag, pages
from services.runtime.web.pages import Page
from services.runtime.web.problems import NOT_FOUND, Problem, problem_responses

router = APIRouter(prefix="/v1/examinations", tags=["acceptance"])
State: TypeAlias = Literal["open", "done", "silent", "closed"]
ExaminationId = Annotated[int, number_in_path("Number of the examination here.")]
TASK = f"{NUMBER}/examination/fire/1"


class Finding(Lack):
    """Something that is missing, or not in the form required."""

    text: Written = Field(description="What exactly, and what the applicant has to do.")


class Answer(Asked):
    """What a department found: everything at once; nothing, when the papers are complete."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"findings": []},
                {
                    "findings": [
                        {
                            "subject": "material/site-plan",
                            "kind": "missing",
                            "text": "请提交盖章的总平面图",
                        },
                        {
                            "subject": "condition/FIRE-DESIGN-REVIEW/1",
                            "kind": "defective",
                            "text": "申请表未填写建筑高度",
                        },
                    ]
                },
            ]
        }
    )

    findings: tuple[Finding, ...] = Field(max_length=100)


class ExaminationSummary(BaseModel):
    """An examination as it stands in a list."""

    id: int
    task: str = Field(examples=[TASK])
    application: str = Field(examples=[NUMBER])
    project_code: str
    department: str
    round: int = Field(description="Of the notice that would follow from what is found.")
    items: list[str]
    state: State = Field(description="`silent`: no answer came in time, which is recorded.")
    asked_at: datetime
    until: datetime = Field(description="Until when an answer is in time.")
    ended_at: datetime | None
    version: int = Field(description="Also its ETag.")


class ExaminationPage(Page):
    """A page of examinations, soonest due first."""

    items: list[ExaminationSummary]


class Subject(BaseModel):
    """Something that may be named, in the catalogue's words."""

    subject: str = Field(examples=["material/site-plan"])
    name: Name | None


class Move(BaseModel):
    """The time for an examination was moved: by a notice of the calendar."""

    before: datetime
    after: datetime
    why: DateChange
    at: datetime


class ExaminationDetail(ExaminationSummary):
    """An examination with everything it is about."""

    scenario: str
    catalogue_version: str
    facts: dict[str, bool | int | float | str]
    materials: list[MaterialRef]
    nameable: list[Subject] = Field(description="Nothing else may be asked of the applicant.")
    findings: list[Lack] | None = Field(description="What was found; absent while it is open.")
    actor_ref: Ref | None
    actor_role: Role | None
    moves: list[Move] = Field(description="Every move of its time, first to last.")


class AnsweredView(BaseModel):
    """An examination was answered."""

    id: int
    task: str = Field(examples=[TASK])
    application: str = Field(examples=[NUMBER])
    complete: bool
    done_at: datetime
    version: int


@router.get("", response_model=ExaminationPage, responses=problem_responses(*LISTING))
async def list_examinations(
    request: Request,
    who: Reader,
    department: Department = None,
    state: Annotated[State, Query(description="State of the examinations.")] = "open",
    after: pages.After = None,
    limit: pages.Limit = pages.USUAL_PAGE,
) -> Response:
    """List the applications that a department has to look at before they are accepted."""
    queue = queue_of(who, department)
    place = pages.decode(after, pages.instant, pages.whole) if after else None
    async with request.app.state.pool.acquire() as conn:
        rows = await store.list_examinations(
            conn,
            queue,
            state=state,
            after=None if place is None else (place[0], place[1]),
            rows=limit + 1,
        )
    shown, following = pages.split(rows, limit, lambda row: pages.encode(row["until"], row["id"]))
    items = [plain(row, ExaminationSummary) for row in shown]
    return answer({"items": items} | ({"next": following} if following else {}))


@router.get(
    "/{id}",
    response_model=ExaminationDetail,
    responses=problem_responses(problems.NO_DEPARTMENT, NOT_FOUND),
)
async def read_examination(request: Request, who: Reader, look: ExaminationId) -> Response:
    """Read an examination: what was handed in, and what may be named. The ETag is its version."""
    async with request.app.state.pool.acquire() as conn:
        row = await store.read_examination(conn, look, sight_of(who))
    if row is None:
        raise Problem(NOT_FOUND)
    catalogue = _catalogue(request.app.state.shelf, row["catalogue_version"])
    return answer(_detail(row, examination.nameable(row, catalogue)), version=row["version"])


def _catalogue(shelf: Shelf, version: str) -> Catalogue | None:
    try:
        return shelf.version(version)
    except UnknownVersionError:
        return None


def _detail(row: Row, nameable: Mapping[str, Name | None]) -> dict[str, Any]:
    names = {
        subject: None if name is None else name.model_dump() for subject, name in nameable.items()
    }
    findings = row["findings"]
    return {
        **plain(row, ExaminationSummary),
        "scenario": row["scenario"],
        "catalogue_version": row["catalogue_version"],
        "facts": orjson.Fragment(row["facts"]),
        "materials": orjson.Fragment(row["materials"]),
        "nameable": [{"subject": subject, "name": name} for subject, name in names.items()],
        "findings": None if findings is None else orjson.Fragment(findings),
        "actor_ref": row["actor_ref"],
        "actor_role": row["actor_role"],
        "moves": orjson.Fragment(row["moves"]),
    }


@router.post(
    "/{id}/findings",
    response_model=AnsweredView,
    responses=problem_responses(
        *(*KEYED, NOT_FOUND, problems.OWN_APPLICATION, problems.EXAMINATION_OVER),
        *(problems.FINDING_REFUSED, *etag.PROBLEMS),
    ),
)
async def answer_examination(
    request: Request,
    who: Officer,
    look: ExaminationId,
    body: Answer,
    asked: Key,
    expected: IfMatch,
) -> Response:
    """Say once what is missing, completely; an empty list says that nothing is.

    Only materials and conditions of the application's catalogue version can be named, and after a
    notice only what was not supplied of it; each refusal says why (行政许可法 32(4)).
    """
    state = request.app.state
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        row = await store.read_examination(conn, look, sight_of(who))
        if row is None:
            raise Problem(NOT_FOUND)
        done = await examination.answer(
            conn,
            clock=state.clock,
            catalogue=_catalogue(state.shelf, row["catalogue_version"]),
            who=who,
            id_=look,
            findings=body.findings,
            expected=expected,
        )
        return slot.keep(answer(plain(done, AnsweredView), version=done.version))
