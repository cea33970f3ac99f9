"""The operator console, beside the API: overview, applications, supervision, simulator."""

from pathlib import Path

from fastapi import APIRouter, FastAPI

from services.orchestrator.pages import (
    applications,
    applications_acts,
    applications_journal,
    applications_one,
    dead_letters,
    follow_ups,
    frame,
    overview,
    public,
    simulator,
    supervision,
)
from services.runtime.settings import ServiceSettings
from services.runtime.web import site

MENU = (
    ("/overview", "运行总览", frame.WATCHERS),
    ("/applications", "申请", frame.WATCHERS),
    ("/supervision", "督查", (*frame.WATCHERS, *frame.DEPARTMENTS)),
    ("/simulator", "推演", frame.WATCHERS),
)
ROUTERS: tuple[APIRouter, ...] = (
    *(overview.router, applications.router, applications_one.router),
    *(applications_acts.router, applications_journal.router, dead_letters.router),
    *(supervision.router, follow_ups.router, simulator.router),
    public.router,
)


def install(app: FastAPI, settings: ServiceSettings) -> None:
    """Add the pages to the service."""
    site.install(
        app,
        settings,
        name="联审运行与监督",
        templates=Path(__file__).with_name("templates"),
        menu=MENU,
        routers=ROUTERS,
    )
