"""Lint of questions and scenarios: they can be asked, and the example is a valid application."""

from collections import Counter
from collections.abc import Iterator

from services.domain.applicability import Fact
from services.domain.catalogue import Question, Scenario
from services.domain.facts import FactsError, problem_with, validate
from services.domain.findings import Finding, Sourced, Where
from services.domain.lint_rules import readable


def check_scenarios(version: Sourced) -> Iterator[Finding]:
    """Yield what is wrong with the questions and scenarios of a catalogue."""
    for question in version.catalogue.questions:
        yield from _question(version, question)
    for scenario in version.catalogue.scenarios:
        yield from _asks(version, scenario)
        yield from _values(version, scenario)
        yield from _example(version, scenario)


def _question(version: Sourced, question: Question) -> Iterator[Finding]:
    where = ("questions", question.id, "")
    if (question.type == "choice") is not bool(question.options):
        yield version.finding(
            "question",
            where,
            f"{question.id}：选择题须有选项，其他题型不得有选项",
            f"{question.id}: a choice needs options, any other question has none",
        )
    low, high = question.minimum, question.maximum
    if (low is not None or high is not None) and question.type != "number":
        text = (f"{question.id}：只有数字题有上下限", f"{question.id}: only a number has bounds")
        yield version.finding("question", where, *text)
    if low is not None and high is not None and low > high:
        text = (f"{question.id}：下限大于上限", f"{question.id}: the minimum exceeds the maximum")
        yield version.finding("question", where, *text)


def _asks(version: Sourced, scenario: Scenario) -> Iterator[Finding]:
    where = ("scenarios", scenario.code, "questions")
    for name, times in Counter(ask.question for ask in scenario.questions).items():
        if times > 1 or name in scenario.fixed:
            yield version.finding(
                "question",
                where,
                f"{scenario.code} 重复提问或已规定 {name}",
                f"{scenario.code} asks {name} twice, or asks what it fixes",
            )
    for code, times in Counter(scenario.items).items():
        if times > 1:
            yield version.finding(
                "duplicate",
                ("scenarios", scenario.code, "items"),
                f"{scenario.code} 重复列入 {code}",
                f"{scenario.code} lists {code} twice",
            )


def _values(version: Sourced, scenario: Scenario) -> Iterator[Finding]:
    for name, value in scenario.fixed.items():
        yield from _value(version, ("scenarios", scenario.code, "fixed"), name, value)
    for ask in scenario.questions:
        if ask.otherwise is not None:
            where = ("scenarios", scenario.code, "questions")
            yield from _value(version, where, ask.question, ask.otherwise)


def _value(version: Sourced, where: Where, name: str, value: Fact) -> Iterator[Finding]:
    question = version.catalogue.question_by_id.get(name)
    problem = problem_with(question, value) if question else None
    if problem is not None:
        yield version.finding(
            "question",
            where,
            f"{where[1]} 的 {name}：{problem.message.zh}{problem.fix.zh}",
            f"{where[1]}, {name}: {problem.message.en} {problem.fix.en}",
        )


def _example(version: Sourced, scenario: Scenario) -> Iterator[Finding]:
    """The example is checked when its questions and rules are fit to check it with."""
    catalogue = version.catalogue
    rules = [ask.when for ask in scenario.questions if ask.when is not None]
    rules += [constraint.never for constraint in catalogue.constraints]
    known = all(ask.question in catalogue.question_by_id for ask in scenario.questions)
    if not known or not all(map(readable, rules)):
        return
    try:
        validate(catalogue, scenario, scenario.example)
    except FactsError as error:
        for problem in error.problems:
            yield version.finding(
                "example",
                ("scenarios", scenario.code, "example"),
                f"{scenario.code} 的示例：{problem.question}：{problem.message.zh}{problem.fix.zh}",
                f"the example of {scenario.code}: {problem.question}: {problem.message.en}"
                f" {problem.fix.en}",
            )
