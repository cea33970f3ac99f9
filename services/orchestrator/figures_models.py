"""What figures, the monthly report and the public performance answer."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.vocabulary import Grade
from services.domain.catalogue import Name

By = Literal["department", "item"]
Share = float
_SHARE = "Share, 0 to 1; absent where there is nothing to share."


class Drawn(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(frozen=True)


class Spread(Drawn):
    """Working days: half of all took at most `median`, nine of ten at most `p90`."""

    median: float = Field(examples=[4.5])
    p90: int = Field(examples=[9])


class CardCount(Drawn):
    """Cards raised in the period that stand."""

    yellow: int = 0
    red: int = 0


class Figures(Drawn):
    """What one department, or one department on one item, did in a period."""

    department: str
    department_name: Name | None
    item: str | None = Field(description="Absent in figures by department.")
    item_name: Name | None
    volume: int = Field(description="Tasks ended: decisions, opinions, silences.", examples=[120])
    granted: int
    refused: int
    objections: int
    silent: int = Field(description="Asked for an opinion, and silent to the end.")
    used: Spread | None = Field(description="Working days used, pauses left out.")
    promised: Spread | None = Field(description="Working days that were promised.")
    statutory: Spread | None = Field(description="Working days that the law gives.")
    on_time: Share | None = Field(ge=0, le=1, description=f"Kept the promise. {_SHARE}")
    lawful: Share | None = Field(ge=0, le=1, description=f"Kept the limit of the law. {_SHARE}")
    saved_days: float = Field(
        description="Working days that handling one after another would have taken more, in the "
        "applications that ended in the period; its share of them.",
        examples=[31.5],
    )
    cards: CardCount
    ratings: dict[Grade, int] = Field(examples=[{"very_satisfied": 40, "satisfied": 12}])
    rating: float | None = Field(description="Mean of the grades, 5 (best) to 1.", examples=[4.7])


class Wholes(Drawn):
    """The applications that ended in the period, withdrawn ones left out."""

    applications: int = Field(examples=[31])
    in_time: Share | None = Field(ge=0, le=1, description=f"Kept their promise. {_SHARE}")
    used_median: float | None = Field(description="Working days.", examples=[12.0])
    promised_median: float | None = Field(description="Working days.", examples=[16.0])
    saved_days: float


class FollowUps(Drawn):
    """The follow-ups opened in the period; `overdue` were not closed within their term."""

    opened: int
    closed: int
    overdue: int


class Period(Drawn):
    """Figures of a period. Days are local, both included."""

    since: date = Field(examples=["2026-03-01"])
    until: date = Field(examples=["2026-03-31"])
    by: By
    wholes: Wholes
    follow_ups: FollowUps
    rows: list[Figures]


class Commended(Drawn):
    """A department on the commendation list."""

    department: str
    department_name: Name | None
    volume: int
    rating: float = Field(examples=[4.8])


class Conditions(Drawn):
    """What a department must reach for the list: all in time and no card besides."""

    volume: int = Field(description="Tasks ended, at least.", examples=[10])
    ratings: int = Field(description="Ratings, at least.", examples=[3])
    rating: float = Field(description="Mean of the ratings, at least.", examples=[4.5])


class MonthlyReport(Drawn):
    """The report of one month."""

    month: str = Field(examples=["2026-03"])
    county: Name
    made_on: date
    complete: bool = Field(description="False while the month goes on.")
    wholes: Wholes
    follow_ups: FollowUps
    departments: list[Figures]
    items: list[Figures]
    commended: list[Commended]
    conditions: Conditions


class PublicFigures(Drawn):
    """What everybody may know of a department. Figures of too few people are left out."""

    department: str
    department_name: Name | None
    volume: int | None = Field(description="Absent below the least number.", examples=[120])
    used_median: float | None = Field(description="Working days.", examples=[4.5])
    promised_median: float | None = Field(description="Working days.", examples=[7.0])
    on_time: Share | None = Field(ge=0, le=1, description="In steps of a hundredth.")
    rating: float | None = Field(description="5 (best) to 1, one digit.", examples=[4.7])


class PublicPerformance(Drawn):
    """How the departments kept their promises in one month that is over."""

    month: str = Field(examples=["2026-03"])
    least: int = Field(description="What fewer tasks or ratings would show is absent.")
    departments: list[PublicFigures]
