"""Answers about a project, checked against a scenario: every problem is told at once."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import assert_never, cast

from services.domain.applicability import Fact, Facts, compiled
from services.domain.catalogue import Ask, Catalogue, Name, Question, Scenario

YES_NO = {True: Name(zh="是", en="yes"), False: Name(zh="否", en="no")}


@dataclass(frozen=True, kw_only=True)
class FactProblem:
    """One thing wrong with the facts: the question it is about, what is wrong, what to do."""

    question: str
    code: str
    message: Name
    fix: Name


class FactsError(Exception):
    """The facts cannot be planned with; `problems` names every question and its fix."""

    def __init__(self, problems: tuple[FactProblem, ...]) -> None:
        super().__init__("; ".join(f"{p.question}: {p.message.en} {p.fix.en}" for p in problems))
        self.problems = problems


def scenario_of(catalogue: Catalogue, code: str) -> Scenario:
    """Return the scenario. Raises FactsError listing the scenarios there are."""
    found = catalogue.scenario_by_code.get(code)
    if found is None:
        there = ", ".join(sorted(catalogue.scenario_by_code))
        raise FactsError((_unknown_scenario(code, there),))
    return found


def validate(
    catalogue: Catalogue,
    scenario: Scenario,
    answers: Mapping[str, object],
    held: Mapping[str, str] | None = None,
) -> dict[str, Fact]:
    """Return all facts of the project, sorted by name: what is fixed, asked and implied.

    Whole numbers become `int`, so that 3000 and 3000.0 are one answer. Raises FactsError with
    every problem: missing, wrong type, out of range, unknown, not asked, impossible together.
    """
    check = _Check(catalogue, scenario, answers)
    check.questions()
    check.strangers()
    check.combinations()
    for code in sorted(set(held or {}) - set(catalogue.item_by_code)):
        check.problems.append(_unknown_result(code))
    if check.problems:
        raise FactsError(tuple(check.problems))
    return dict(sorted(check.known.items()))


def normalised(value: Fact) -> Fact:
    """Return a whole number as `int`; every other value as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def described(question: Question | None, value: Fact) -> Name:
    """Return an answer as people read it: yes or no, the option's name, the number and its unit."""
    if isinstance(value, bool):
        return YES_NO[value]
    for option in question.options if question else ():
        if option.value == value:
            return option.name
    unit = f" {question.unit}" if question and question.unit else ""
    return Name(zh=f"{value}{unit}", en=f"{value}{unit}")


def problem_with(question: Question, value: object) -> FactProblem | None:
    """Return what is wrong with one answer, or None."""
    match question.type:
        case "boolean":
            return None if isinstance(value, bool) else _wrong(question, "type")
        case "choice":
            known = any(option.value == value for option in question.options)
            return None if known else _wrong(question, "option")
        case "number":
            return _number_problem(question, value)
        case "date":
            return None if day_of(value) is not None else _wrong(question, "date")
        case other:  # pragma: no cover - the type checker proves that nothing is left
            assert_never(other)


def day_of(value: object) -> date | None:
    """Return the day that an answer is, written 2027-06-30; None for anything else."""
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.isoformat() == value else None


def _number_problem(question: Question, value: object) -> FactProblem | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return _wrong(question, "type")
    low, high = question.minimum, question.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        return _wrong(question, "range")
    return None


class _Check:
    """One pass over the answers, in the order of the scenario's questions."""

    def __init__(
        self, catalogue: Catalogue, scenario: Scenario, answers: Mapping[str, object]
    ) -> None:
        self.catalogue, self.scenario, self.answers = catalogue, scenario, answers
        self.known: dict[str, Fact] = {n: normalised(v) for n, v in scenario.fixed.items()}
        self.problems: list[FactProblem] = []

    def questions(self) -> None:
        for ask in self.scenario.questions:
            question = self.catalogue.question_by_id[ask.question]
            asked = self._is_asked(ask)
            if asked is False:
                self._not_asked(ask, question)
            elif ask.question in self.answers:
                self._answered(question, self.answers[ask.question])
            elif asked:
                self.problems.append(_missing(question))

    def strangers(self) -> None:
        asked = {ask.question for ask in self.scenario.questions}
        for name in sorted(set(self.answers) - asked, key=str):
            if name in self.scenario.fixed:
                if self.answers[name] != self.scenario.fixed[name]:
                    self.problems.append(_fixed(name, self.scenario))
            elif name in self.catalogue.question_by_id:
                self.problems.append(_not_of_scenario(name, self.scenario))
            else:
                self.problems.append(_unknown(name, sorted(asked)))

    def combinations(self) -> None:
        for constraint in self.catalogue.constraints:
            rule = compiled(constraint.never)
            if rule.names <= set(self.known) and rule.holds(self.known):
                question = self.catalogue.question_by_id.get(constraint.question)
                fix = _change(question, rule.names, self.catalogue)
                self.problems.append(
                    FactProblem(
                        question=constraint.question,
                        code="combination",
                        message=constraint.message,
                        fix=fix,
                    )
                )

    def _is_asked(self, ask: Ask) -> bool | None:
        """None: it hangs on an answer that is itself missing or wrong."""
        if ask.when is None:
            return True
        rule = compiled(ask.when)
        return rule.holds(self.known) if rule.names <= set(self.known) else None

    def _not_asked(self, ask: Ask, question: Question) -> None:
        given = self.answers.get(ask.question, ask.otherwise)
        if given != ask.otherwise:
            self.problems.append(_superfluous(question, ask))
        elif ask.otherwise is not None:
            self.known[ask.question] = normalised(ask.otherwise)

    def _answered(self, question: Question, value: object) -> None:
        problem = problem_with(question, value)
        if problem is not None:
            self.problems.append(problem)
        else:
            self.known[question.id] = normalised(cast("Fact", value))  # every type was checked


def _missing(question: Question) -> FactProblem:
    return FactProblem(
        question=question.id,
        code="missing",
        message=Name(zh=f"缺少回答：{question.text.zh}", en=f"No answer to: {question.text.en}"),
        fix=_answer_with(question),
    )


def _wrong(question: Question, code: str) -> FactProblem:
    """The answer is not repeated: who mistook the field may have written a person's name in it."""
    message = {
        "type": Name(zh="回答的类型不对。", en="The answer is of a wrong type."),
        "option": Name(zh="没有这一选项。", en="There is no such option."),
        "range": Name(zh="回答超出允许范围。", en="The answer is out of range."),
        "date": Name(zh="没有这一天。", en="There is no such day."),
    }[code]
    return FactProblem(question=question.id, code=code, message=message, fix=_answer_with(question))


def _answer_with(question: Question) -> Name:
    match question.type:
        case "boolean":
            return Name(zh="请回答 true（是）或 false（否）。", en="Answer true or false.")
        case "choice":
            values = ", ".join(option.value for option in question.options)
            return Name(zh=f"请从以下选项中选一项：{values}。", en=f"Choose one of: {values}.")
        case "number":
            zh, en = _bounds(question)
            unit = f" ({question.unit})" if question.unit else ""
            return Name(zh=f"请填写数字{unit}{zh}。", en=f"Give a number{unit}{en}.")
        case "date":
            return Name(
                zh="请填写日期，例如 2027-06-30。", en="Give a day, such as 2027-06-30 (30 June)."
            )
        case other:  # pragma: no cover - the type checker proves that nothing is left
            assert_never(other)


def _bounds(question: Question) -> tuple[str, str]:
    zh, en = [], []
    if question.minimum is not None:
        zh.append(f"不小于 {normalised(question.minimum)}")
        en.append(f"not below {normalised(question.minimum)}")
    if question.maximum is not None:
        zh.append(f"不大于 {normalised(question.maximum)}")
        en.append(f"not above {normalised(question.maximum)}")
    return ("，" + "，".join(zh), ", " + ", ".join(en)) if zh else ("", "")


def _superfluous(question: Question, ask: Ask) -> FactProblem:
    return FactProblem(
        question=question.id,
        code="not_asked",
        message=Name(
            zh=f"按其他回答，本题不需要回答（仅当 {ask.when} 时才问）。",
            en=f"With the other answers this is not asked (only when {ask.when}).",
        ),
        fix=Name(
            zh="请删除这一回答，或改正其他回答。",
            en="Leave this answer out, or correct the others.",
        ),
    )


def _fixed(name: str, scenario: Scenario) -> FactProblem:
    value = scenario.fixed[name]
    return FactProblem(
        question=name,
        code="not_asked",
        message=Name(
            zh=f"情形“{scenario.name.zh}”已规定此项为 {value}。",
            en=f"The scenario “{scenario.name.en}” fixes this as {value}.",
        ),
        fix=Name(
            zh="请删除这一回答，或另选情形。",
            en="Leave this answer out, or choose another scenario.",
        ),
    )


def _not_of_scenario(name: str, scenario: Scenario) -> FactProblem:
    return FactProblem(
        question=name,
        code="not_asked",
        message=Name(
            zh=f"情形“{scenario.name.zh}”不问此题。",
            en=f"The scenario “{scenario.name.en}” does not ask this.",
        ),
        fix=Name(
            zh="请删除这一回答，或另选情形。",
            en="Leave this answer out, or choose another scenario.",
        ),
    )


def _unknown(name: str, asked: list[str]) -> FactProblem:
    close = get_close_matches(str(name), asked, n=1)
    fix = (
        Name(zh=f"是否指 {close[0]}？", en=f"Is {close[0]} meant?")
        if close
        else Name(zh="请删除这一回答。", en="Leave this answer out.")
    )
    return FactProblem(
        question=str(name),
        code="unknown_question",
        message=Name(zh="没有这一问题。", en="There is no such question."),
        fix=fix,
    )


def _change(question: Question | None, used: frozenset[str], catalogue: Catalogue) -> Name:
    questions = catalogue.question_by_id
    texts = [questions[name].text for name in sorted(used & set(questions))]
    zh = "、".join(f"“{text.zh}”" for text in texts)
    en = ", ".join(f"“{text.en}”" for text in texts)
    about = question.text if question else Name(zh="-", en="-")
    return Name(
        zh=f"请更改“{about.zh}”的回答（涉及：{zh}）。",
        en=f"Change the answer to “{about.en}” (involved: {en}).",
    )


def _unknown_scenario(code: str, there: str) -> FactProblem:
    return FactProblem(
        question="scenario",
        code="unknown_scenario",
        message=Name(zh=f"没有情形 {code}。", en=f"There is no scenario {code}."),
        fix=Name(zh=f"请选择：{there}。", en=f"Choose one of: {there}."),
    )


def _unknown_result(code: str) -> FactProblem:
    return FactProblem(
        question="held",
        code="unknown_item",
        message=Name(
            zh=f"目录中没有事项 {code}，无法认定已有结果。",
            en=f"The catalogue has no item {code}, so no result of it can be held.",
        ),
        fix=Name(zh="请改正事项编码。", en="Correct the code of the item."),
    )


def labels(catalogue: Catalogue, facts: Facts) -> Iterator[tuple[str, Name, Name]]:
    """Yield every fact as name, the text of its question, and the answer as people read it."""
    for name, value in sorted(facts.items()):
        question = catalogue.question_by_id.get(name)
        text = question.text if question else Name(zh=name, en=name)
        yield name, text, described(question, value)
