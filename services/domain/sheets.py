"""What a written document to the applicant says: receipt, acceptance, grant, refusal.

A sheet is a value, without any layout: the same act gives the same sheet, and its digest says so.
Chinese is the text that holds in law; the English line below it helps. What officers wrote
(reasons, remedies, conditions) stands as they wrote it.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import assert_never

from pydantic import Field

from services.domain.catalogue import ItemKind, Name, Shape


class DocumentKind(StrEnum):
    """What a document is."""

    SUBMISSION = "submission"
    CORRECTION = "correction"
    NOTICE = "notice"
    ACCEPTANCE = "acceptance"
    GRANT = "grant"
    REFUSAL = "refusal"
    NOT_NEEDED = "not_needed"
    NOT_IN_POWER = "not_in_power"


class Line(Shape):
    """One line of the table at the head: what, and its value."""

    label: Name
    value: str


class Section(Shape):
    """A list under a heading, as officers wrote it."""

    title: Name
    points: tuple[str, ...] = Field(min_length=1)


class Sheet(Shape):
    """One document without its layout, seal and code."""

    kind: DocumentKind
    issuer: Name
    title: Name
    number: str = Field(min_length=1)
    dated: date
    addressee: str = Field(min_length=1, description="Name of the applicant.")
    text: tuple[Name, ...] = Field(min_length=1)
    lines: tuple[Line, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what it says, in hexadecimal."""
        said = json.dumps(
            self.model_dump(mode="json"),
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
        )
        return hashlib.sha256(said.encode()).hexdigest()


class Application(Shape):
    """What every document says of its application; a project code may be wanting ("")."""

    number: str
    project_code: str
    project_name: str
    applicant: str
    scenario: Name


class Decided(Shape):
    """One result as it was released. `paper` is what a grant is called (施工许可证, ...)."""

    item: str
    item_name: Name
    department: Name
    kind: ItemKind
    paper: Name
    number: str | None
    dated: date
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Ground(Shape):
    """The rule a receipt rests on, and what it says in a sentence."""

    basis: str
    statement: Name


class Elsewhere(Shape):
    """An item that is needed and not in our power, and who is; `basis` is where that stands."""

    item: str
    item_name: Name
    authority: Name
    basis: str

    @property
    def point(self) -> str:
        """Return it as one line of a list."""
        name, who = self.item_name, self.authority
        return (
            f"{name.zh}（{self.item}）：请向{who.zh}申请（{self.basis}）  "
            f"{name.en}: apply to {who.en}"
        )


class Taken(Shape):
    """An acceptance. Days are local dates; `silent` are departments that let their time pass.

    `provisional`: a day counted up to the promise lies in a year that is not published yet.
    """

    ground: Ground
    dated: date
    accepted_on: date
    promised: date | None
    provisional: bool
    silent: tuple[Name, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()


class Asked(Shape):
    """One line of a notice: who asks, for which paper or condition, and what is to be done."""

    department: Name
    subject: str
    text: str


def submission(
    of: Application,
    centre: Name,
    received: date,
    materials: Sequence[str],
    elsewhere: Sequence[Elsewhere] = (),
) -> Sheet:
    """Return the receipt of what was handed in, and when (行政许可法 32).

    Args:
        of: the application.
        centre: the body that keeps the one door.
        received: local date of the receipt.
        materials: names of the papers taken in.
        elsewhere: what the project needs besides and is to be applied for elsewhere (32(2)).
    """
    text = Name(
        zh="贵方提交的申请材料已于上述日期收到。本凭证载明收到的时间和材料，不代表准予。",
        en="The application was received on the date above. This says when and what was received; "
        "it grants nothing.",
    )
    listed = Section(title=_MATERIALS, points=tuple(materials)) if materials else None
    return Sheet(
        kind=DocumentKind.SUBMISSION,
        issuer=centre,
        title=Name(zh="申请材料接收凭证", en="Receipt of an application"),
        number=f"{of.number}-S",
        dated=received,
        addressee=of.applicant,
        text=(text,),
        lines=head_of(of),
        sections=(*((listed,) if listed else ()), *not_ours(elsewhere)),
    )


def not_ours(items: Sequence[Elsewhere]) -> tuple[Section, ...]:
    """Return the list of what is not in our power, and who is; nothing without any."""
    points = tuple(one.point for one in items)
    return (Section(title=_ELSEWHERE, points=points),) if points else ()


def correction(
    of: Application, centre: Name, ground: Ground, dated: date, place: int, subjects: Sequence[str]
) -> Sheet:
    """Return the receipt of what was put right on the spot (行政许可法 32(3)).

    `place` counts the receipts of the application, from 1.
    """
    return Sheet(
        kind=DocumentKind.CORRECTION,
        issuer=centre,
        title=Name(zh="当场更正凭证", en="Receipt of a correction"),
        number=f"{of.number}-C{place}",
        dated=dated,
        addressee=of.applicant,
        text=(cited(ground),),
        lines=head_of(of),
        sections=(Section(title=_CORRECTED, points=tuple(subjects)),),
    )


def notice(
    of: Application, centre: Name, ground: Ground, dated: date, round_: int, asked: Sequence[Asked]
) -> Sheet:
    """Return the one notice of everything that is to be put right (行政许可法 32(4)).

    Raises ValueError when nothing is asked for.
    """
    departments = list(dict.fromkeys(one.department for one in asked))
    if not departments:
        message = f"notice {round_} of {of.number} asks for nothing"
        raise ValueError(message)
    return Sheet(
        kind=DocumentKind.NOTICE,
        issuer=centre,
        title=Name(zh="申请材料补正告知书", en="Notice of what is to be put right"),
        number=f"{of.number}-N{round_}",
        dated=dated,
        addressee=of.applicant,
        text=(cited(ground),),
        lines=head_of(of),
        sections=tuple(
            Section(
                title=department,
                points=tuple(
                    f"{one.subject}：{one.text}" for one in asked if one.department == department
                ),
            )
            for department in departments
        ),
    )


def acceptance(of: Application, centre: Name, taken: Taken) -> Sheet:
    """Return the written acceptance with the promised date (行政许可法 32, last paragraph)."""
    begun = Name(
        zh="各部门自受理之日起同时办理。", en="From that day all departments work on it together."
    )
    accepted = Line(label=_ACCEPTED, value=taken.accepted_on.isoformat())
    silent = tuple(f"{one.zh}  {one.en}" for one in taken.silent)
    return Sheet(
        kind=DocumentKind.ACCEPTANCE,
        issuer=centre,
        title=Name(zh="受理通知书", en="Notice of acceptance"),
        number=f"{of.number}-A",
        dated=taken.dated,
        addressee=of.applicant,
        text=(cited(taken.ground), begun),
        lines=(*head_of(of), accepted, *_promise(taken)),
        sections=(
            *((Section(title=_SILENT, points=silent),) if silent else ()),
            *not_ours(taken.elsewhere),
        ),
    )


def _promise(taken: Taken) -> tuple[Line, ...]:
    if taken.promised is None:
        return ()
    day = taken.promised.isoformat()
    shown = f"{day}（暂定 provisional）" if taken.provisional else day
    return (Line(label=_PROMISED, value=shown),)


def cited(ground: Ground) -> Name:
    """Return a statement with the rule it rests on."""
    return Name(
        zh=f"{ground.statement.zh}（依据{_zh_article(ground.basis)}）",
        en=f"{ground.statement.en} ({ground.basis})",
    )


def grant(of: Application, result: Decided) -> Sheet:
    """Return the grant of one item (行政许可法 38(1), 39). Raises ValueError without a number."""
    if result.number is None:
        message = f"the grant of {result.item} has no number"
        raise ValueError(message)
    return Sheet(
        kind=DocumentKind.GRANT,
        issuer=result.department,
        title=result.paper,
        number=result.number,
        dated=result.dated,
        addressee=of.applicant,
        text=(_granted(result),),
        lines=(*head_of(of), _item(result)),
        sections=(Section(title=_CONDITIONS, points=result.conditions),)
        if result.conditions
        else (),
    )


def refusal(of: Application, result: Decided) -> Sheet:
    """Return the refusal of one item (行政许可法 38(2)).

    Raises ValueError without reasons or without remedies: a refusal without them is none.
    """
    if not (result.reasons and result.remedies):
        message = f"the refusal of {result.item} lacks reasons or remedies"
        raise ValueError(message)
    is_permit = result.kind is ItemKind.PERMIT
    title = "不予行政许可决定书" if is_permit else "不予通过决定书"
    text = Name(
        zh=f"贵方申请的“{result.item_name.zh}”，经审查不符合法定条件、标准，依据《中华人民共和国"
        "行政许可法》第三十八条第二款，决定不予准许。",
        en=f"{result.item_name.en}: it does not meet the conditions and standards of the law and "
        "is refused (行政许可法 38(2)).",
    )
    return Sheet(
        kind=DocumentKind.REFUSAL,
        issuer=result.department,
        title=Name(zh=title, en="Decision of refusal"),
        number=f"{of.number}-{result.item}",
        dated=result.dated,
        addressee=of.applicant,
        text=(text,),
        lines=(*head_of(of), _item(result)),
        sections=(
            Section(title=_REASONS, points=result.reasons),
            Section(title=_REMEDIES, points=result.remedies),
        ),
    )


def head_of(of: Application) -> tuple[Line, ...]:
    """Return what every document says of its application."""
    pairs = (
        (Name(zh="申请编号", en="Application"), of.number),
        (Name(zh="项目代码", en="Project code"), of.project_code),
        (Name(zh="项目名称", en="Project"), of.project_name),
        (Name(zh="项目类型", en="Kind of project"), f"{of.scenario.zh}  {of.scenario.en}"),
    )
    return tuple(Line(label=label, value=value) for label, value in pairs if value)


def _item(result: Decided) -> Line:
    name = result.item_name
    return Line(label=_ITEM, value=f"{name.zh}（{result.item}）  {name.en}")


def _granted(result: Decided) -> Name:
    """Return the sentence that grants: a filing is noted, an opinion is given, a permit granted."""
    name = result.item_name
    match result.kind:
        case ItemKind.PERMIT:
            zh = (
                f"贵方申请的“{name.zh}”，经审查符合法定条件、标准，依据《中华人民共和国行政许可法》"
                "第三十八条第一款，决定准予行政许可。"
            )
            en = f"{name.en}: it meets the conditions of the law and is granted (行政许可法 38(1))."
        case ItemKind.FILING:
            zh = f"贵方报送的“{name.zh}”材料齐全，予以备案。"
            en = f"{name.en}: the filing is complete and is recorded."
        case (
            ItemKind.CONFIRMATION
            | ItemKind.GOVERNMENT_INVESTMENT
            | ItemKind.ASSESSMENT
            | ItemKind.TECHNICAL_REVIEW
            | ItemKind.PUBLIC_SERVICE
            | ItemKind.JOINT
            | ItemKind.OTHER
        ):
            zh = f"贵方申请的“{name.zh}”，经审查符合规定的条件和标准，予以通过。"
            en = f"{name.en}: it meets the conditions and standards laid down and is passed."
        case _:  # pragma: no cover - the type checker proves that nothing is left
            assert_never(result.kind)
    return Name(zh=zh, en=en)


def _zh_article(basis: str) -> str:
    """Return a rule as it is cited in a Chinese sentence: 行政许可法 32(5) -> 《...》32(5)."""
    law, _, article = basis.partition(" ")
    return f"《中华人民共和国{law}》{article}" if law == "行政许可法" else f"“{basis}”"


_ELSEWHERE = Name(zh="不属于本机关职权范围的事项", en="Not in our power, and who is")
_MATERIALS = Name(zh="收到的材料", en="Materials received")
_CORRECTED = Name(zh="已更正的内容", en="What was put right")
_ACCEPTED = Name(zh="受理日期", en="Accepted on")
_SILENT = Name(zh="逾期未告知的部门", en="Departments that let their time pass")
_PROMISED = Name(zh="承诺办结日期", en="Promised by")
_ITEM = Name(zh="事项", en="Item")
_CONDITIONS = Name(zh="附带条件", en="Conditions")
_REASONS = Name(zh="理由", en="Reasons")
_REMEDIES = Name(zh="救济途径", en="Remedies")
