"""The written statement that a permit counts as renewed (行政许可法 50)."""

from datetime import date

from services.domain.catalogue import Name
from services.domain.sheets import Application, Decided, DocumentKind, Line, Sheet, head_of


def renewed(of: Application, result: Decided, expired_on: date) -> Sheet:
    """Return the statement that a permit, valid until `expired_on`, counts as renewed.

    It grants nothing: it says what the law has done with a permit that there was. Raises ValueError
    without a number.
    """
    if result.number is None:
        message = f"the renewal of {result.item} has no number"
        raise ValueError(message)
    name = result.item_name
    return Sheet(
        kind=DocumentKind.GRANT,
        issuer=result.department,
        title=Name(zh="准予延续（视为）证明", en="Statement of a renewal by law"),
        number=result.number,
        dated=result.dated,
        addressee=of.applicant,
        text=(_said(result, expired_on),),
        lines=(
            *head_of(of),
            Line(label=_ITEM, value=f"{name.zh}（{result.item}）  {name.en}"),
            Line(label=_PAPER, value=f"{result.paper.zh}  {result.paper.en}"),
            Line(label=_EXPIRED, value=expired_on.isoformat()),
        ),
    )


def _said(result: Decided, expired_on: date) -> Name:
    name, day = result.item_name, f"{expired_on:%Y}年{expired_on.month}月{expired_on.day}日"
    return Name(
        zh=f"贵方依法申请“{name.zh}”。原许可的有效期于{day}届满，本机关在届满前未作出是否准予"
        "延续的决定，依据《中华人民共和国行政许可法》第五十条第二款，视为准予延续。",
        en=f"{name.en}: the permit was valid until {expired_on}. No decision on its renewal was "
        "made by then: it counts as renewed (行政许可法 50(2)), and is no new licence.",
    )


_ITEM = Name(zh="事项", en="Item")
_PAPER = Name(zh="证件", en="Paper")
_EXPIRED = Name(zh="原有效期至", en="Was valid until")
