"""What the orchestrator tells of an application that waits for its investor."""

from datetime import timedelta
from typing import Any

from services.contracts.acceptance import NoticeLine
from services.contracts.events import (
    AcceptanceProgress,
    ApplicationProgressed,
    RectificationAsked,
    SessionProgress,
    StepProgress,
)
from services.contracts.sessions import AppointmentOffer, AppointmentSlot
from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    ApplicationStatus,
    FindingKind,
    SessionState,
    StepState,
)
from tests.integration.intake_kit import NOW, Intake

BRIGADE = "fire-rescue"
PLAN, CONDITION = "material/floor-plan", "condition/FIRE-CHECK/1"
STEP = "opening-inspection"
DAY = timedelta(days=1)


def told(number: str, **what: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        **{"application": number, "status": ApplicationStatus.IN_PROGRESS, "at": NOW} | what
    )


def noticed(number: str) -> ApplicationProgressed:
    lines = tuple(
        NoticeLine(department=BRIGADE, subject=one, kind=FindingKind.DEFECTIVE, text=f"改 {one}")
        for one in (PLAN, CONDITION)
    )
    acceptance = AcceptanceProgress(
        state=AcceptanceState.SUPPLEMENTING,
        round=1,
        notice=lines,
        outstanding=tuple(one.subject for one in lines),
    )
    return told(number, status=ApplicationStatus.SUPPLEMENTING, acceptance=acceptance)


def accepted(number: str) -> ApplicationProgressed:
    acceptance = AcceptanceProgress(
        state=AcceptanceState.ACCEPTED,
        round=1,
        kind=AcceptanceKind.EXPLICIT,
        accepted_on=NOW.date(),
        promised_days=9,
    )
    return told(number, acceptance=acceptance, promised_at=NOW + 9 * DAY)


def objected(number: str) -> ApplicationProgressed:
    asked = RectificationAsked(
        step=STEP, round=1, items=("FIRE-CHECK",), reasons=("疏散宽度不足",), until=NOW + 5 * DAY
    )
    return told(
        number,
        status=ApplicationStatus.RECTIFYING,
        rectification=asked,
        steps=(StepProgress(step=STEP, state=StepState.RECTIFYING),),
    )


def convened(number: str) -> ApplicationProgressed:
    coming = SessionProgress(
        step=STEP,
        session=1,
        lead=BRIGADE,
        state=SessionState.CONVENED,
        starts_at=NOW + DAY,
        ends_at=NOW + DAY + timedelta(hours=2),
    )
    return told(number, sessions=(coming,))


def offered(number: str) -> ApplicationProgressed:
    """The session is moved by its departments, and the investor is asked whether it suits him."""
    starts, hours = NOW + 2 * DAY, timedelta(hours=2)
    slots = tuple(
        AppointmentSlot(starts_at=one, ends_at=one + hours)
        for one in (starts + 2 * hours, starts + DAY, starts + 2 * DAY)
    )
    coming = SessionProgress(
        step=STEP,
        session=1,
        lead=BRIGADE,
        state=SessionState.CONVENED,
        starts_at=starts,
        ends_at=starts + hours,
        offer=AppointmentOffer(number=1, until=starts - DAY, slots=slots),
    )
    return told(number, sessions=(coming,))


async def events(intake: Intake, kind: Any, number: str | None = None) -> list[Any]:
    """What intake has said of one kind, of one application or all."""
    return [
        kind.model_validate(one["data"])
        for one in await intake.outbox()
        if one["type"] == kind.TYPE and number in (None, one["subject"])
    ]
