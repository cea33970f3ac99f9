"""The department workbench, beside the API: the queue, the case, sessions, the department."""

from pathlib import Path

from fastapi import APIRouter, FastAPI

from services.departments.pages import (
    case,
    case_examination,
    case_papers,
    common,
    head,
    head_authority,
    own_absence,
    queue,
    sessions,
    sessions_one,
    views,
)
from services.runtime.settings import ServiceSettings
from services.runtime.web import site

MENU = (
    ("/queue", "我的待办", common.MEMBERS),
    ("/sessions", "联合会议", common.MEMBERS),
    ("/absence", "我的缺勤", common.MEMBERS),
    ("/department", "部门管理", (common.CHIEF, common.HEAD)),
)
ROUTERS: tuple[APIRouter, ...] = (
    *(queue.router, views.router),
    *(case.router, case_papers.router, case_examination.router),
    *(head.router, head_authority.router, own_absence.router),
    *(sessions.router, sessions_one.router),
)


def install(app: FastAPI, settings: ServiceSettings) -> None:
    """Add the pages to the service."""
    site.install(
        app,
        settings,
        name="部门工作台",
        templates=Path(__file__).with_name("templates"),
        menu=MENU,
        routers=ROUTERS,
    )
