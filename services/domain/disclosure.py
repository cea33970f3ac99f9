"""Public disclosure of a catalogue (行政许可法 30): every item, readable, in one language.

Content, basis, conditions, procedure, limits, materials, fees, department and result of every
item. What is not verified is marked wherever it stands.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from services.contracts.vocabulary import LimitStart
from services.domain.catalogue import (
    Basis,
    Catalogue,
    Item,
    ItemKind,
    ItemStatus,
    Limit,
    Material,
    MaterialUse,
    Name,
    Uncounted,
)
from services.domain.compression import days_text

Language = Literal["zh", "en"]

WORDS: dict[str, Name] = {
    "title": Name(zh="行政审批事项公开目录", en="Public catalogue of approval items"),
    "version": Name(zh="版本", en="Version"),
    "from": Name(zh="生效日期", en="In force from"),
    "to": Name(zh="失效日期", en="In force until"),
    "code": Name(zh="事项编码", en="Code"),
    "department": Name(zh="实施部门", en="Department"),
    "with": Name(zh="会同部门", en="Decided together with"),
    "consulted": Name(zh="征求意见单位", en="Units consulted"),
    "kind": Name(zh="事项类型", en="Kind"),
    "status": Name(zh="状态", en="Status"),
    "in_power": Name(zh="现由谁办理", en="Decided now by"),
    "when": Name(zh="适用规则", en="Applies when"),
    "basis": Name(zh="设定依据", en="Legal basis"),
    "statutory": Name(zh="法定时限", en="Statutory limit"),
    "promised": Name(zh="承诺时限", en="Promised limit"),
    "none": Name(zh="未查到规定", en="no limit found"),
    "start": Name(zh="起算", en="from"),
    "extension": Name(zh="可延长", en="may be extended by"),
    "uncounted": Name(zh="不计入时限", en="Not counted"),
    "conditions": Name(zh="办理条件", en="Conditions"),
    "procedure": Name(zh="办理流程", en="Procedure"),
    "materials": Name(zh="申请材料", en="Materials"),
    "fee": Name(zh="收费", en="Fee"),
    "free": Name(zh="不收费", en="Free of charge"),
    "after": Name(zh="前置事项", en="After"),
    "one_of": Name(zh="其中之一", en="one of"),
    "trust": Name(zh="可容缺并行", en="taken in on trust"),
    "group": Name(zh="联合办理", en="Handled jointly in"),
    "result": Name(zh="办理结果", en="Result"),
    "notes": Name(zh="备注", en="Notes"),
    "unverified": Name(zh="（未核实）", en=" (unverified)"),
    "result_of": Name(zh="共享自", en="shared: the result of"),
    "follows": Name(zh="可后补", en="may follow within"),
    "comes": Name(zh="后续材料，形成于", en="comes later, after"),
    "yuan": Name(zh="元", en="yuan"),
    "renewal": Name(zh="延续", en="Renewal"),
    "renewed": Name(
        zh="有效期届满{limit}前申请；期满未作决定的，视为准予延续",
        en="applied for {limit} before the permit expires; undecided by then, it is renewed",
    ),
    "years": Name(zh="年有效", en="years valid"),
}
STARTS = {
    LimitStart.ACCEPTANCE: Name(zh="受理之日", en="acceptance"),
    LimitStart.RECEIPT: Name(zh="收到之日", en="receipt"),
}
KINDS = {
    ItemKind.PERMIT: Name(zh="行政许可", en="administrative licence"),
    ItemKind.FILING: Name(zh="备案", en="filing"),
    ItemKind.CONFIRMATION: Name(zh="行政确认", en="confirmation"),
    ItemKind.GOVERNMENT_INVESTMENT: Name(zh="政府投资审批", en="government investment approval"),
    ItemKind.ASSESSMENT: Name(zh="评估", en="assessment"),
    ItemKind.TECHNICAL_REVIEW: Name(zh="技术审查", en="technical review"),
    ItemKind.PUBLIC_SERVICE: Name(zh="公共服务", en="public service"),
    ItemKind.JOINT: Name(zh="联合办理", en="joint procedure"),
    ItemKind.OTHER: Name(zh="其他", en="other"),
}
STATUSES = {
    ItemStatus.ACTIVE: Name(zh="在用", en="active"),
    ItemStatus.SUSPENDED: Name(zh="暂停", en="suspended"),
    ItemStatus.DELEGATED: Name(zh="下放", en="delegated"),
    ItemStatus.CANCELLED: Name(zh="取消", en="cancelled"),
}
PROCEDURES = {
    "hearing": Name(zh="听证", en="hearing"),
    "tender": Name(zh="招标", en="tender"),
    "auction": Name(zh="拍卖", en="auction"),
    "inspection": Name(zh="检验", en="inspection"),
    "testing": Name(zh="检测", en="testing"),
    "quarantine": Name(zh="检疫", en="quarantine"),
    "appraisal": Name(zh="鉴定", en="appraisal"),
    "expert_review": Name(zh="专家评审", en="expert review"),
    "publicity": Name(zh="公示", en="publicity"),
    "commissioned_evaluation": Name(zh="委托评估", en="commissioned evaluation"),
    "consultation": Name(zh="征求意见", en="consultation"),
    "rectification": Name(zh="整改", en="rectification"),
    "papers": Name(zh="等待后续材料", en="waiting for later papers"),
}
APPROVERS = {
    "department_head": Name(zh="本部门负责人批准", en="approved by the head of the department"),
    "government_head": Name(zh="本级政府负责人批准", en="approved by the head of the government"),
    "approving_body": Name(zh="审批机关批准", en="approved by the approving body"),
    "principal": Name(zh="主要负责人批准", en="approved by the principal of the body"),
}
SUPPLIERS = {
    "applicant": Name(zh="申请人提供", en="from the applicant"),
    "department": Name(zh="部门提供", en="from a department"),
    "system": Name(zh="系统共享", en="shared by the system"),
}


def markdown(catalogue: Catalogue, language: Language) -> str:
    """Return the disclosure as Markdown, by stage and item."""
    return "\n".join(_Text(catalogue, language).lines()) + "\n"


class _Text:
    def __init__(self, catalogue: Catalogue, language: Language) -> None:
        self.catalogue, self.language = catalogue, language

    def lines(self) -> Iterator[str]:
        county = self.catalogue.county
        yield f"# {self.of(county.name)} {self.word('title')}"
        yield ""
        begins = f"{self.word('from')} {county.effective_from}"
        yield f"{self.word('version')} {county.version}; {begins}"
        if county.effective_to:
            yield f"{self.word('to')} {county.effective_to}"
        for stage in county.stages:
            yield from ("", f"## {self.of(stage.name)}")
            for item in self.catalogue.items:
                if item.stage == stage.code:
                    yield from self._item(item)

    def of(self, name: Name) -> str:
        return name.zh if self.language == "zh" else name.en

    def word(self, key: str) -> str:
        return self.of(WORDS[key])

    def _item(self, item: Item) -> Iterator[str]:
        yield from ("", f"### {self.of(item.name)}", "")
        yield from self._line("code", f"`{item.code}`")
        yield from self._line("department", self._department(item.department))
        yield from self._line("with", self._joined(map(self._department, item.co_deciders)))
        units = (self._department(unit.department) for unit in item.consulted)
        yield from self._line("consulted", self._joined(units))
        yield from self._line("kind", self.of(KINDS[item.kind]))
        yield from self._line("status", self.of(STATUSES[item.status]))
        if found := item.in_power:
            text = f"{self.of(found.authority)}: {self._basis(found.basis)}"
            yield from self._line("in_power", text)
        yield from self._line("when", f"`{item.applies_when}`" if item.applies_when else "")
        yield from self._line("basis", self._joined(map(self._basis, item.legal_basis)))
        yield from self._limits(item)
        yield from self._list("conditions", map(self.of, item.conditions))
        yield from self._list("procedure", map(self.of, item.procedure))
        yield from self._list("materials", map(self._material, item.materials))
        yield from self._line("fee", self._fee(item))
        yield from self._line("after", self._joined(self._after(item)))
        yield from self._line("group", self._group(item))
        yield from self._line("result", self._result(item))
        yield from self._list("notes", item.notes)

    def _limits(self, item: Item) -> Iterator[str]:
        statutory = item.statutory
        if statutory is None:
            yield from self._line("statutory", self.word("none"))
        else:
            start = f"{self.word('start')} {self.of(STARTS[statutory.start])}"
            text = f"{self._limit(statutory.limit)}, {start}: {self._basis(statutory.basis)}"
            if extension := statutory.extension:
                approver = self.of(APPROVERS[extension.approver])
                text += f"; {self.word('extension')} {self._limit(extension.limit)}"
                text += f" ({approver}, {self._basis(extension.basis)})"
            yield from self._line("statutory", text)
            yield from self._list("uncounted", map(self._uncounted, statutory.uncounted))
        promised = f"{self._limit(item.promised)}: {self._basis(item.promised_basis)}"
        yield from self._line("promised", promised)
        if renewal := item.renewal:
            rule = self.word("renewed").format(limit=self._limit(renewal.apply_before))
            yield from self._line("renewal", f"{rule}: {self._basis(renewal.basis)}")

    def _uncounted(self, uncounted: Uncounted) -> str:
        name = self.of(PROCEDURES[uncounted.procedure])
        cap = f" (<= {self._limit(uncounted.cap)})" if uncounted.cap else ""
        return f"{name}{cap}: {self._basis(uncounted.basis)}"

    def _limit(self, limit: Limit) -> str:
        return self.of(days_text(limit))

    def _basis(self, basis: Basis) -> str:
        text = f"{basis.law} {basis.article}" if basis.article else basis.law
        if basis.source in self.catalogue.county.sources and basis.source is not None:
            text += f" [{self.catalogue.county.sources[basis.source]}]"
        if basis.note:
            text += f" ({basis.note})"
        return text if basis.verified else text + self.word("unverified")

    def _department(self, code: str) -> str:
        found = self.catalogue.department_by_code.get(code)
        return self.of(found.name) if found else code

    def _material(self, use: MaterialUse) -> str:
        found = self.catalogue.material_by_id.get(use.material)
        text = self._paper(found) if found else use.material
        if use.when:
            text += f", `{use.when}`"
        if use.may_follow:
            text += f", {self.word('follows')} {self._limit(use.may_follow)}"
        return text

    def _paper(self, material: Material) -> str:
        supplier = self.of(SUPPLIERS[material.supplied_by])
        if material.result_of is not None:
            supplier = f"{self.word('result_of')} {self._title(material.result_of)}"
        text = f"{self.of(material.name)} ({supplier})"
        bases = [material.basis]
        if comes := material.comes:
            text += f", {self.word('comes')} {self._joined(map(self._title, comes.after))}"
            bases.append(comes.basis)
        verified = all(basis is None or basis.verified for basis in bases)
        return text if verified else text + self.word("unverified")

    def _fee(self, item: Item) -> str:
        if item.fee.free is not None:
            return f"{self.word('free')}: {self._basis(item.fee.free)}"
        found = self.catalogue.fee_by_id.get(item.fee.standard or "")
        if found is None:
            return item.fee.standard or ""
        text = self.of(found.name)
        if found.amount is not None:
            text += f", {found.amount} {self.word('yuan')}{f'/{found.unit}' if found.unit else ''}"
        text += f": {self._basis(found.document)}"
        return f"{text} ({found.note})" if found.note else text

    def _after(self, item: Item) -> Iterator[str]:
        needed = item.prerequisites
        yield from map(self._title, needed.all_of)
        for choice in needed.any_of:
            yield f"{self.word('one_of')}: {' / '.join(map(self._title, choice))}"
        for code in needed.on_trust:
            yield f"{self._title(code)} ({self.word('trust')})"

    def _title(self, code: str) -> str:
        found = self.catalogue.item_by_code.get(code)
        return self.of(found.name) if found else code

    def _group(self, item: Item) -> str:
        found = self.catalogue.group_by_code.get(item.group or "")
        if found is None:
            return item.group or ""
        return f"{self.of(found.name)}, {self._limit(found.budget)}: {self._basis(found.basis)}"

    def _result(self, item: Item) -> str:
        result = item.result
        years = f", {result.valid_years} {self.word('years')}" if result.valid_years else ""
        return f"{self.of(result.name)}{years}{f' ({result.note})' if result.note else ''}"

    def _joined(self, parts: Iterable[str]) -> str:
        return ("；" if self.language == "zh" else "; ").join(parts)

    def _line(self, key: str, text: str) -> Iterator[str]:
        if text:
            yield f"- **{self.word(key)}**: {text}"

    def _list(self, key: str, texts: Iterable[str]) -> Iterator[str]:
        found = list(texts)
        if found:
            yield f"- **{self.word(key)}**:"
        yield from (f"  {number}. {text}" for number, text in enumerate(found, 1))
