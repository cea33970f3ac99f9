"""What one version of a catalogue changes against another, each in a sentence of both languages.

What bears on applicants has a kind of its own: items added, taken back out of the centre or
cancelled, fees, materials, limits, prerequisites, rules. Whatever else differs is named as well, so
that two versions without a change say the same. The head (version, days, sources) is no change.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from services.contracts.vocabulary import Unit
from services.domain.catalogue import (
    Catalogue,
    FeeStandard,
    Item,
    ItemStatus,
    Limit,
    MaterialUse,
)
from services.domain.catalogue_base import Shape


class ChangeKind(StrEnum):
    """What sort of change it is."""

    ITEM_ADDED = "item_added"
    ITEM_TAKEN_BACK = "item_taken_back"
    ITEM_CANCELLED = "item_cancelled"
    ITEM_STATUS = "item_status_changed"
    FEE = "fee_changed"
    MATERIAL_ADDED = "material_added"
    MATERIAL_REMOVED = "material_removed"
    MATERIAL = "material_changed"
    LIMIT = "limit_changed"
    PREREQUISITES = "prerequisites_changed"
    RULE = "rule_changed"
    ITEM = "item_changed"
    ADDED = "entry_added"
    REMOVED = "entry_removed"
    CHANGED = "entry_changed"


class Change(Shape):
    """One difference. `subject`: the code of the item, or section and code of what it is about."""

    kind: ChangeKind
    subject: str
    zh: str
    en: str


SECTIONS: Mapping[str, tuple[str, str, str]] = {
    "departments": ("code", "部门", "department"),
    "materials": ("id", "材料", "material"),
    "fees": ("id", "收费标准", "fee standard"),
    "groups": ("code", "联合环节", "merged step"),
    "questions": ("id", "问题", "question"),
    "constraints": ("question", "限制条件", "constraint"),
    "scenarios": ("code", "项目类型", "kind of project"),
}
"""Sections besides the items: what names an entry, and what an entry is called."""
_HEAD = frozenset({"version", "effective_from", "effective_to", "sources"})
_TOLD = frozenset({"code", "status", "fee", "materials", "promised", "statutory", "prerequisites"})
_RULES = frozenset({"applies_when", "consulted", "group"})


def digest_of(catalogue: Catalogue) -> str:
    """Return the SHA-256 of a version's content, head included, by which it is approved.

    Its last day does not count: that is written when the next version comes. Nor does what says no
    more than the schema's defaults: a schema that grows changes no version.
    """
    last_day = {"county": {"effective_to"}}
    content = catalogue.model_dump(mode="json", exclude_defaults=True, exclude=last_day)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def compare(old: Catalogue, new: Catalogue) -> tuple[Change, ...]:
    """Return what `new` changes, items first, in the order of their codes."""
    return (*_items(old, new), *_sections(old, new), *_head(old, new))


def _items(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    was, now = {one.code: one for one in old.items}, {one.code: one for one in new.items}
    for code in sorted(was.keys() | now.keys()):
        if code not in was:
            name = now[code].name
            zh, en = f"新增事项“{name.zh}”", f"The item “{name.en}” is added"
            yield Change(kind=ChangeKind.ITEM_ADDED, subject=code, zh=zh, en=en)
        elif code not in now:
            name = was[code].name
            zh = f"撤出事项“{name.zh}”，不再进入中心办理"
            en = f"The item “{name.en}” is taken back out of the centre"
            yield Change(kind=ChangeKind.ITEM_TAKEN_BACK, subject=code, zh=zh, en=en)
        else:
            yield from _item(was[code], now[code])


def _item(before: Item, after: Item) -> Iterator[Change]:
    for changes in (_status, _fee, _materials, _limits, _prerequisites, _rules, _rest):
        yield from changes(before, after)


def _status(before: Item, after: Item) -> Iterator[Change]:
    if before.status == after.status:
        return
    cancelled = after.status is ItemStatus.CANCELLED
    yield Change(
        kind=ChangeKind.ITEM_CANCELLED if cancelled else ChangeKind.ITEM_STATUS,
        subject=after.code,
        zh=f"取消事项“{after.name.zh}”"
        if cancelled
        else f"事项“{after.name.zh}”的状态由 {before.status} 改为 {after.status}",
        en=f"The item “{after.name.en}” is cancelled"
        if cancelled
        else f"The item “{after.name.en}” was {before.status} and is {after.status}",
    )


def _fee(before: Item, after: Item) -> Iterator[Change]:
    if before.fee == after.fee:
        return
    zh, en = ("收费", "不收费"), ("charged", "free")
    was, now = before.fee.standard is None, after.fee.standard is None
    yield Change(
        kind=ChangeKind.FEE,
        subject=after.code,
        zh=f"事项“{after.name.zh}”的收费规定改变：由{zh[was]}{_named(before)}"
        f"改为{zh[now]}{_named(after)}",
        en=f"The fee of “{after.name.en}” changes: it was {en[was]}{_named(before)} and is "
        f"{en[now]}{_named(after)}",
    )


def _named(item: Item) -> str:
    return f" ({item.fee.standard})" if item.fee.standard else ""


def _materials(before: Item, after: Item) -> Iterator[Change]:
    old = {use.material: use for use in before.materials}
    new = {use.material: use for use in after.materials}
    for material in sorted(old.keys() | new.keys()):
        if material not in old:
            kind, zh, en = ChangeKind.MATERIAL_ADDED, "增加", "also asks for"
        elif material not in new:
            kind, zh, en = ChangeKind.MATERIAL_REMOVED, "减少", "no longer asks for"
        elif old[material] != new[material]:
            kind, zh, en = ChangeKind.MATERIAL, "调整", "asks on other terms for"
        else:
            continue
        yield Change(
            kind=kind,
            subject=after.code,
            zh=f"事项“{after.name.zh}”{zh}材料 {material}",
            en=f"“{after.name.en}” {en} the material {material}",
        )


def _limits(before: Item, after: Item) -> Iterator[Change]:
    if before.promised != after.promised:
        yield _limit(after, ("承诺时限", "promised limit"), before.promised, after.promised)
    if before.statutory != after.statutory:
        old = before.statutory.limit if before.statutory else None
        new = after.statutory.limit if after.statutory else None
        yield _limit(after, ("法定时限", "statutory limit"), old, new)


def _limit(item: Item, what: tuple[str, str], old: Limit | None, new: Limit | None) -> Change:
    if old == new:
        zh, en = f"的{what[0]}的起算、延长或停止计时规定改变", "other rules of start, more or pause"
    else:
        zh = f"的{what[0]}由{_days(old)[0]}改为{_days(new)[0]}"
        en = f"{_days(new)[1]} instead of {_days(old)[1]}"
    return Change(
        kind=ChangeKind.LIMIT,
        subject=item.code,
        zh=f"事项“{item.name.zh}”{zh}",
        en=f"The {what[1]} of “{item.name.en}” has {en}",
    )


def _days(limit: Limit | None) -> tuple[str, str]:
    if limit is None:
        return "无规定", "none"
    working = limit.unit is Unit.WORKING_DAY
    zh = f"{limit.value}个工作日" if working else f"{limit.value}日"
    return zh, f"{limit.value} {'working' if working else 'calendar'} day(s)"


def _prerequisites(before: Item, after: Item) -> Iterator[Change]:
    if before.prerequisites != after.prerequisites:
        zh = f"事项“{after.name.zh}”的前置事项改变"
        en = f"What has to be there before “{after.name.en}” changes"
        yield Change(kind=ChangeKind.PREREQUISITES, subject=after.code, zh=zh, en=en)


def _rules(before: Item, after: Item) -> Iterator[Change]:
    for name in _differing(before, after, within=_RULES):
        yield Change(
            kind=ChangeKind.RULE,
            subject=after.code,
            zh=f"事项“{after.name.zh}”的规则 {name} 改变",
            en=f"The rule {name} of “{after.name.en}” changes",
        )


def _rest(before: Item, after: Item) -> Iterator[Change]:
    fields = frozenset(Item.model_fields) - _TOLD - _RULES
    names = _differing(before, after, within=fields)
    if _is_turned(before.materials, after.materials):
        names.append("materials (order)")
    if names:
        yield Change(
            kind=ChangeKind.ITEM,
            subject=after.code,
            zh=f"事项“{after.name.zh}”的 {'、'.join(names)} 改变",
            en=f"“{after.name.en}”: {', '.join(names)} changed",
        )


def _is_turned(before: tuple[MaterialUse, ...], after: tuple[MaterialUse, ...]) -> bool:
    """Whether the same uses stand in another order, or another number of times."""
    was, now = ({use.material: use for use in uses} for uses in (before, after))
    return before != after and was == now


def _differing(before: Shape, after: Shape, *, within: frozenset[str]) -> list[str]:
    return sorted(name for name in within if getattr(before, name) != getattr(after, name))


def _sections(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    for section, (key, zh, en) in SECTIONS.items():
        before = _by(getattr(old, section), key)
        after = _by(getattr(new, section), key)
        for code in sorted(before.keys() | after.keys()):
            if before.get(code) != after.get(code):
                yield _entry(section, code, before.get(code, []), after.get(code, []), (zh, en))


def _by(entries: Sequence[Shape], key: str) -> dict[str, list[Shape]]:
    """Return entries by what names them; several constraints may be about one question."""
    found: dict[str, list[Shape]] = {}
    for entry in entries:
        found.setdefault(str(getattr(entry, key)), []).append(entry)
    return found


def _entry(
    section: str, code: str, before: list[Shape], after: list[Shape], called: tuple[str, str]
) -> Change:
    zh, en = called
    subject = f"{section}/{code}"
    if not before:
        text = (f"新增{zh} {code}", f"The {en} {code} is added")
        return Change(kind=ChangeKind.ADDED, subject=subject, zh=text[0], en=text[1])
    if not after:
        text = (f"删除{zh} {code}", f"The {en} {code} is removed")
        return Change(kind=ChangeKind.REMOVED, subject=subject, zh=text[0], en=text[1])
    was, now = before[0], after[0]
    if isinstance(was, FeeStandard) and isinstance(now, FeeStandard) and was.amount != now.amount:
        text = (
            f"收费标准“{now.name.zh}”由{_yuan(was)[0]}改为{_yuan(now)[0]}",
            f"The standard “{now.name.en}” was {_yuan(was)[1]} and is {_yuan(now)[1]}",
        )
        return Change(kind=ChangeKind.FEE, subject=subject, zh=text[0], en=text[1])
    kind = ChangeKind.FEE if section == "fees" else ChangeKind.CHANGED
    names = sorted(
        {
            name
            for one, other in zip(before, after, strict=False)
            for name in type(one).model_fields
            if getattr(one, name) != getattr(other, name)
        }
    )
    zh_ = f"{zh} {code} 的 {'、'.join(names)} 改变" if names else f"{zh} {code} 的条数改变"
    en_ = f"The {en} {code}: {', '.join(names) or 'their number'} changed"
    return Change(kind=kind, subject=subject, zh=zh_, en=en_)


def _yuan(standard: FeeStandard) -> tuple[str, str]:
    if standard.amount is None:
        return "另行核定", "to be assessed"
    unit = f"/{standard.unit}" if standard.unit else ""
    return f"{standard.amount}元{unit}", f"{standard.amount} yuan{unit}"


def _head(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    fields = frozenset(type(new.county).model_fields) - _HEAD
    for name in _differing(old.county, new.county, within=fields):
        yield Change(
            kind=ChangeKind.CHANGED,
            subject=f"county/{name}",
            zh=f"目录总则的 {name} 改变",
            en=f"The head of the catalogue: {name} changed",
        )
    order: Mapping[str, Callable[[Any], Any]] = {
        "items": lambda one: one.code,
        **{section: _namer(key) for section, (key, _, _) in SECTIONS.items()},
    }
    for section, name_of in order.items():
        was = [name_of(one) for one in getattr(old, section)]
        now = [name_of(one) for one in getattr(new, section)]
        if was != now and sorted(was) == sorted(now):
            yield Change(
                kind=ChangeKind.CHANGED,
                subject=section,
                zh=f"{section} 的排列次序改变",
                en=f"The order of {section} changed",
            )


def _namer(key: str) -> Callable[[Any], Any]:
    return lambda one: getattr(one, key)
