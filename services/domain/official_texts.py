"""What an officer would otherwise write again each time: reasons, remedies, the letter of a pause.

Chinese is the text that holds in law; an English sentence beside it helps to choose.
"""

from datetime import date

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.catalogue import Basis, Item, Name, Shape
from services.domain.limits import NOTICE_IN_WRITING as PAUSES
from services.domain.limits import PAUSE_ZH
from services.domain.sheets import Sheet

REMEDIES = (
    Name(
        zh="不服本决定的，可以自收到本决定之日起六十日内依法申请行政复议（《行政复议法》第20条）",
        en="Administrative review may be applied for within 60 days (行政复议法 20)",
    ),
    Name(
        zh="也可以自收到本决定之日起六个月内依法向人民法院提起行政诉讼（《行政诉讼法》第46条）",
        en="A suit may be brought within six months (行政诉讼法 46)",
    ),
)
"""What a refusal tells of remedies (行政许可法 38)."""
APPLICANT = "申请人"
"""Instead of the applicant's name, where it is not known."""
UNNUMBERED = "（尚未编号）"
DECISION = Name(zh="决定书", en="Decision")
"""What a document is called whose item no catalogue at hand has."""
_UNIT_ZH = {Unit.WORKING_DAY: "个工作日", Unit.CALENDAR_DAY: "日"}


def cited(basis: Basis) -> str:
    """Return where something stands, as a Chinese document cites it."""
    article = basis.article or ""
    numbers = [one.strip() for one in article.split(",")]
    if all(one.isdigit() for one in numbers):
        article = f"第{'、'.join(numbers)}条"
    return f"《{basis.law}》{article}"


def refusal_reasons(item: Item) -> tuple[Name, ...]:
    """Return a reason for each condition of an item that may not be met, with its articles."""
    where = "、".join(cited(one) for one in item.legal_basis)
    bases = ", ".join(f"{one.law} {one.article or ''}".strip() for one in item.legal_basis)
    return tuple(
        Name(
            zh=f"不符合“{condition.zh}”的条件（{where}）",
            en=f"Not met: {condition.en} ({bases})",
        )
        for condition in item.conditions
    )


class Told(Shape):
    """What the letter of a pause says. Days are local dates, both included; `left`: None: no cap.

    `left` is what the law has left for the procedure, in `unit`.
    """

    department: str
    item: str
    application: str
    project_code: str
    kind: PauseKind
    from_on: date
    until_on: date
    left: int | None
    unit: Unit | None
    notice: str
    article: str
    reason: str
    dated: date


def pause_letter(told: Told) -> str:
    """Return the letter that tells an applicant of time that is not counted (行政许可法 45)."""
    procedure = PAUSE_ZH[told.kind]
    basis = "《行政许可法》第45条"
    if told.article != PAUSES:
        basis = f"{told.article}和{basis}"
    cap = ""
    if told.left is not None and told.unit is not None:
        cap = f"（该程序依规定至多还可不计入{told.left}{_UNIT_ZH[told.unit]}）"
    lines = (
        "不计入办理期限告知书",
        told.notice,
        "",
        f"申请编号{told.application}（项目代码{told.project_code}）的申请人：",
        "",
        f"你（单位）申请的“{told.item}”需要进行{procedure}：{told.reason}",
        "",
        f"依据{basis}，{procedure}所需时间不计算在办理期限内，现将所需时间书面告知如下：自{_day(told.from_on)}起，至{_day(told.until_on)}止{cap}。"
        "程序提前完成的，期限自完成之次日起继续计算。",
        "",
        told.department,
        _day(told.dated),
    )
    return "\n".join(lines)


def sheet_text(sheet: Sheet) -> str:
    """Return what a document will say, in Chinese and without its layout, seal and code."""
    lines = [sheet.title.zh, sheet.number, "", f"{sheet.addressee}：", ""]
    lines += [one.zh for one in sheet.text]
    lines += ["", *(f"{one.label.zh}：{one.value}" for one in sheet.lines)]
    for section in sheet.sections:
        points = (f"{n}. {point}" for n, point in enumerate(section.points, start=1))
        lines += ["", f"{section.title.zh}：", *points]
    lines += ["", sheet.issuer.zh, _day(sheet.dated)]
    return "\n".join(lines)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
