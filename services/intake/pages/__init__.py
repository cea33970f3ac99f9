"""The pages of the investor portal, beside the API."""

from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

from services.intake.pages import (
    apply,
    apply_files,
    apply_receipt,
    letters,
    materials,
    public,
    track,
    track_answers,
    track_results,
    unread,
    waiting_bill,
    waiting_notice,
    waiting_papers,
    waiting_session,
)
from services.intake.settings import Settings
from services.runtime.web import site

MENU = (
    ("/needs", "我要办什么"),
    ("/items", "审批事项"),
    ("/register", "决定公示"),
    ("/verify", "文书核验"),
)
OWN = (("/applications", "我的申请"), ("/inbox", "我的信箱"))
ROUTERS: tuple[APIRouter, ...] = (
    public.router,
    materials.router,
    apply.router,
    apply_files.router,
    apply_receipt.router,
    track.router,
    track_results.router,
    track_answers.router,
    waiting_notice.router,
    waiting_papers.router,
    waiting_bill.router,
    waiting_session.router,
    letters.router,
)


def _counted() -> APIRouter:
    """Return all pages; each says in its masthead how many letters are unread."""
    found = APIRouter(dependencies=[Depends(unread.counted)])
    for one in ROUTERS:
        found.include_router(one)
    return found


def install(app: FastAPI, settings: Settings) -> None:
    """Add the pages to the service."""
    elsewhere = ((settings.performance_url, "部门效能"),) if settings.performance_url else ()
    site.install(
        app,
        settings,
        name="政务服务中心 投资项目联合审批",
        templates=Path(__file__).with_name("templates"),
        menu=(*MENU, *elsewhere),
        own=OWN,
        routers=(_counted(),),
    )
