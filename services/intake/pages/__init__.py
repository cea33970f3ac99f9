"""The pages of the investor portal, beside the API."""

from pathlib import Path

import structlog
from fastapi import FastAPI

from services.intake.pages import public
from services.runtime.settings import HttpSettings
from services.runtime.web.site import AssetsMissingError, Site

MENU = (
    ("/needs", "我要办什么"),
    ("/items", "审批事项"),
    ("/register", "决定公示"),
    ("/verify", "文书核验"),
)
_log = structlog.get_logger(__name__)


def install(app: FastAPI, settings: HttpSettings) -> None:
    """Add the pages to the service; without what npm installs for them it has its API alone."""
    try:
        site = Site(
            name="政务服务中心 投资项目联合审批",
            templates=Path(__file__).with_name("templates"),
            vendor=settings.assets,
            menu=MENU,
        )
    except AssetsMissingError as missing:
        _log.warning("no pages", reason=str(missing))
        return
    site.install(app)
    app.include_router(public.router)
