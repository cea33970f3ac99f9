"""Invariant 11: nothing was billed, remitted, paid or paid back but by the published standards.

Every figure is reckoned again from the county's files: what the bill says, what was paid of it, and
what the log of acts has of both.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson

from services.contracts.vocabulary import Service
from services.verification.folders import Folder, Row
from services.verification.report import FEES, Finding
from services.verification.world import Finder, World

_DONE = {
    f"fee.{kind}_{state}" for kind in ("payment", "refund") for state in ("confirmed", "failed")
}


def fees(folder: Folder, world: World) -> Iterator[Finding]:
    """11: bill, acts, transfers and log agree with each other and with the standards."""
    find = Finder(invariant=FEES, number=folder.number, moving=folder.moving)
    bill = next(iter(folder.intake["bill"]), None)
    lines = {} if bill is None else {one["standard"]: one for one in orjson.loads(bill["lines"])}
    messages = [
        *_published(bill, lines, world),
        *_recorded(folder, bill, lines),
        *_settled(folder, lines),
        *_transferred(folder),
    ]
    yield from (find.within(message) for message in messages)


def _published(bill: Row, lines: dict[str, Any], world: World) -> Iterator[str]:
    """Whatever is billed is a standard of its edition, at its rate, by its document."""
    for code, line in lines.items():
        published = world.standards.get((bill["catalogue_version"], code))
        if bill["catalogue_version"] not in world.editions:
            continue  # an edition that was taken off the shelf
        if published is None:
            yield f"{code} is billed, but edition {bill['catalogue_version']} has no such standard"
        elif (_exact(line["rate"]), line["document"]["law"]) != published:
            law = line["document"]["law"]
            yield f"{code} is billed at {line['rate']} by {law}, not as published"
        if line["amount"] is not None and _cents(line) != _exact(line["amount"]):
            yield f"{code} is {line['amount']}, reckoned {line['rate']} x {line['quantity']}"


def _exact(figure: str | Decimal | None) -> Fraction | None:
    return None if figure is None else Fraction(str(figure))


def _cents(line: dict[str, Any]) -> Fraction:
    """Reckon an amount: half a cent goes up."""
    quantity = Fraction(1) if line["quantity"] is None else Fraction(line["quantity"])
    return Fraction(int(Fraction(line["rate"]) * quantity * 100 + Fraction(1, 2)), 100)


def _recorded(folder: Folder, bill: Row, lines: dict[str, Any]) -> Iterator[str]:
    """Each bill, act and end of a transfer is in the log once, as it is in the tables."""
    drawn = folder.leaves(Service.INTAKE, "bill.drawn_up")
    said = [{code: line["amount"] for code, line in lines.items()}] if bill is not None else []
    if [one["facts"]["lines"] for one in drawn] != said:
        yield "the bill is not what the log of acts has"
    acts = Counter(
        (f"fee.{row['kind']}", row["line"], *_said(row), _written(row))
        for row in folder.intake["fee_act"]
    )
    logged = Counter(
        (leaf["act"], leaf["facts"]["line"], *_said(leaf["facts"]), _digest(leaf["facts"]))
        for leaf in folder.leaves(Service.INTAKE, "fee.assessed", "fee.exempted")
    )
    if acts != logged:
        yield "assessments and exemptions are not those of the log of acts"
    ended = Counter(
        (f"fee.{row['kind']}_{row['state']}", str(row["id"]), str(row["amount"]))
        for row in folder.intake["fee_transfer"]
        if row["state"] != "begun"
    )
    told = Counter(
        (leaf["act"], leaf["facts"]["transfer"], leaf["facts"]["amount"])
        for leaf in folder.leaves(Service.INTAKE, *_DONE)
    )
    if ended != told:
        yield "payments and refunds are not those of the log of acts"


def _said(found: Any) -> Iterator[Fraction | None]:
    """Yield the figures of an act, as its row or the log of acts has them."""
    for name in ("amount", "remitted", "share"):
        yield _exact(found.get(name))


def _digest(facts: dict[str, Any]) -> str:
    """Return the digest that the log has. Its first acts have the texts in clear instead."""
    return facts.get("texts_sha256") or _written(facts)


def _written(row: Row) -> str:
    """Return the digest of what somebody wrote about a line: the log of acts has nothing else."""
    texts = {name: row[name] for name in ("document", "reason") if row.get(name) is not None}
    plain = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _settled(folder: Folder, lines: dict[str, Any]) -> Iterator[str]:
    """A line is paid once, what it is; never when remitted; and paid back what was paid."""
    acts = folder.intake["fee_act"]
    assessed = {row["line"]: row["amount"] for row in acts if row["kind"] == "assessed"}
    remitted = {row["line"]: row for row in acts if row["kind"] == "exempted"}
    paid = Counter[str]()
    for row in folder.intake["fee_settlement"]:
        code, line = row["line"], lines.get(row["line"])
        if line is None:
            yield f"{code} is paid, but not billed"
            continue
        paid[f"{row['kind']} of {code}"] += 1
        amount = line["amount"] if line["amount"] is not None else assessed.get(code)
        due = _due(_exact(amount), remitted.get(code))
        if due == 0:
            yield f"{code} is paid, but was remitted"
        elif _exact(row["amount"]) != due:
            yield f"{row['kind']} of {code} is {row['amount']}, due {_shown(due)}"
    yield from (f"{what} is there {times} times" for what, times in paid.items() if times > 1)
    confirmed = {
        row["line"]
        for row in folder.intake["fee_settlement"]
        if (row["kind"], row["state"]) == ("payment", "confirmed")
    }
    for row in folder.intake["fee_settlement"]:
        if row["kind"] == "refund" and row["line"] not in confirmed:
            yield f"{row['line']} is paid back, but was not paid"


def _due(amount: Fraction | None, exemption: Row | None) -> Fraction | None:
    """Reckon what is left to pay of an amount: without its exemption, a sum or a share of it."""
    if amount is None or exemption is None:
        return amount
    if exemption["share"] is not None:
        share = Fraction(str(exemption["share"]))
        return amount - Fraction(int(amount * share * 100 + Fraction(1, 2)), 100)
    whole = exemption["remitted"] is None
    return Fraction(0) if whole else max(amount - Fraction(exemption["remitted"]), Fraction(0))


def _shown(due: Fraction | None) -> str:
    """Return a sum of yuan as it is written everywhere, to the fen."""
    return "nothing" if due is None else f"{float(due):.2f}"


def _transferred(folder: Folder) -> Iterator[str]:
    """A transfer is the sum of its lines; one that failed has none."""
    parts: dict[Any, list[Row]] = {}
    for row in folder.intake["fee_settlement"]:
        parts.setdefault(row["transfer"], []).append(row)
    for row in folder.intake["fee_transfer"]:
        of = parts.get(row["id"], [])
        if row["state"] == "failed":
            if of:
                yield f"{row['kind']} {row['id']} failed, but holds lines"
        elif sum((one["amount"] for one in of), start=Decimal(0)) != row["amount"]:
            yield f"{row['kind']} {row['id']} of {row['amount']} is not the sum of its lines"
