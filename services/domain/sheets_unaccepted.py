"""The written answers of 行政许可法 32(1) and 32(2): no licence is needed; we are not in power."""

from collections.abc import Sequence
from datetime import date

from services.domain.catalogue import Name, Shape
from services.domain.sheets import (
    Application,
    DocumentKind,
    Elsewhere,
    Ground,
    Section,
    Sheet,
    cited,
    head_of,
    not_ours,
)


class Needless(Shape):
    """An item that is not needed, and why."""

    item: str
    item_name: Name
    because: Name


def not_needed(of: Application, centre: Name, dated: date, items: Sequence[Needless]) -> Sheet:
    """Return the written answer that no licence is needed (行政许可法 32(1)).

    Raises ValueError without an item that it is about.
    """
    if not items:
        message = f"{of.number} is about no item"
        raise ValueError(message)
    return Sheet(
        kind=DocumentKind.NOT_NEEDED,
        issuer=centre,
        title=Name(zh="行政许可申请不受理告知书", en="Notice that no licence is needed"),
        number=of.number,
        dated=dated,
        addressee=of.applicant,
        text=(cited(NO_LICENCE),),
        lines=head_of(of),
        sections=_needless(items),
    )


def not_in_power(
    of: Application,
    centre: Name,
    dated: date,
    items: Sequence[Elsewhere],
    needless: Sequence[Needless] = (),
) -> Sheet:
    """Return the written refusal to accept, with who is in power (行政许可法 32(2)).

    Raises ValueError when it does not say who is: such a refusal is none.
    """
    if not items:
        message = f"{of.number} does not say who is in power"
        raise ValueError(message)
    return Sheet(
        kind=DocumentKind.NOT_IN_POWER,
        issuer=centre,
        title=Name(zh="行政许可申请不予受理决定书", en="Decision not to accept an application"),
        number=of.number,
        dated=dated,
        addressee=of.applicant,
        text=(cited(NO_POWER),),
        lines=head_of(of),
        sections=(*not_ours(items), *_needless(needless), REMEDIES),
    )


def _needless(items: Sequence[Needless]) -> tuple[Section, ...]:
    points = tuple(
        f"{one.item_name.zh}（{one.item}）：{one.because.zh}  {one.item_name.en}: {one.because.en}"
        for one in items
    )
    return (Section(title=_NOT_NEEDED, points=points),) if points else ()


NO_LICENCE = Ground(
    basis="行政许可法 32(1)",
    statement=Name(
        zh="按贵方所报项目情况和现行事项目录，下列事项依法不需要取得行政许可，不受理。",
        en="By the facts given and the catalogue in force these items need no licence: there is "
        "nothing to accept.",
    ),
)
NO_POWER = Ground(
    basis="行政许可法 32(2)",
    statement=Name(
        zh="按贵方所报项目情况和现行事项目录，下列事项依法不属于本机关职权范围，决定不予受理，"
        "请向所列机关申请。",
        en="By the facts given and the catalogue in force these items are not in our power: the "
        "application is not accepted; apply to the authorities named.",
    ),
)
REMEDIES = Section(
    title=Name(zh="救济途径", en="Remedies"),
    points=(
        "不服本决定的，可以自收到之日起六十日内申请行政复议（行政复议法 20）  "
        "Administrative review may be applied for within 60 days (行政复议法 20)",
        "也可以自收到之日起六个月内提起行政诉讼（行政诉讼法 46）  "
        "A suit may be brought within six months (行政诉讼法 46)",
    ),
)
_NOT_NEEDED = Name(zh="不需要取得许可的事项", en="Items that need no licence")
