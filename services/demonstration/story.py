"""What has to happen in a demonstration of the whole procedure, and what has happened so far."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from rich.console import Console
from rich.table import Table

from services.domain.calendar import ZONE
from services.runtime.clock import Clock


class Scene(StrEnum):
    """One thing that has to happen, in the order in which a newcomer may expect them."""

    NOTICE = "notice"
    SUPPLEMENTED = "supplemented"
    ACCEPTED = "accepted"
    PAID = "paid"
    PAUSED = "paused"
    GOES_ON = "goes_on"
    CARD = "card"
    PAPERS = "papers"
    CONVENED = "convened"
    SUBSTITUTE = "substitute"
    SIGNED = "signed"
    REFUSED = "refused"
    RECTIFIED = "rectified"
    GRANTED = "granted"
    RATED = "rated"
    FOLLOWED_UP = "followed_up"


TITLES = {
    Scene.NOTICE: "一次性告知 one notice of what is missing",
    Scene.SUPPLEMENTED: "补正 supplement",
    Scene.ACCEPTED: "受理 acceptance",
    Scene.PAID: "缴费 fees paid",
    Scene.PAUSED: "停止计时 a clock stopped, with a notice",
    Scene.GOES_ON: "恢复计时 the clock goes on",
    Scene.CARD: "电子监察 a late department's card",
    Scene.PAPERS: "后续材料 papers that came later",
    Scene.CONVENED: "联合踏勘 joint inspection convened",
    Scene.SUBSTITUTE: "替代人员 an absent officer's substitute",
    Scene.SIGNED: "共同签署 all sign one record",
    Scene.REFUSED: "不予许可 a refusal, to be put right",
    Scene.RECTIFIED: "整改 put right",
    Scene.GRANTED: "准予 granted after that",
    Scene.RATED: "好差评 ratings",
    Scene.FOLLOWED_UP: "差评回访 a bad rating followed up",
}


class Story:
    """Tells each thing as it happens, with its date on the business clock."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self.happened: dict[Scene, tuple[datetime, str]] = {}

    def tell(self, scene: Scene, words: str) -> None:
        """Print what happened; only the first of a kind is kept for the account."""
        now = self._clock.now()
        self.happened.setdefault(scene, (now, words))
        self._console.print(f"[cyan]{_date(now)}[/cyan]  {words}", highlight=False)

    @property
    def missing(self) -> list[str]:
        """What has not happened."""
        return [TITLES[scene] for scene in Scene if scene not in self.happened]

    def account(self, console: Console) -> None:
        """Print everything that had to happen, with its date."""
        table = Table(title="What happened 办理过程", show_header=False)
        for scene in Scene:
            at, words = self.happened.get(scene, (None, "—"))
            table.add_row(TITLES[scene], "" if at is None else _date(at), words)
        console.print(table)


def _date(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%m-%d %H:%M}"


def names(words: Iterable[str]) -> str:
    """Return words as a list in a sentence."""
    return "、".join(dict.fromkeys(words))
