"""「What do I need?」: the questions of a scenario one at a time, and what each answer changes.

Nothing is stored: the answers so far stand in the address, which can be kept, sent and opened
again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from services.domain.applicability import Fact, compiled
from services.domain.catalogue import Ask, Catalogue, Question, Scenario
from services.domain.facts import FactProblem, FactsError, described, normalised, problem_with
from services.domain.plan import Plan, Verdict

YES, NO = "true", "false"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A question with its answer, as people read it, and as the form sends it."""

    question: Question
    value: Fact
    sent: str

    @property
    def shown(self) -> object:
        """The answer in both languages."""
        return described(self.question, self.value)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """How far somebody has come with the questions of a scenario."""

    scenario: Scenario
    answered: tuple[Answered, ...]
    question: Question | None
    """What to ask next; None when everything is answered."""
    problem: FactProblem | None
    """What is wrong with the answer just given to `question`."""
    total: int
    later: tuple[tuple[str, str], ...] = ()
    """Answers given already to what comes after `question`, as they stand in an address."""
    refused: str = ""
    """What was answered to `question`, when it cannot be planned with."""

    @property
    def answers(self) -> dict[str, Fact]:
        """The answers so far, by question."""
        return {one.question.id: one.value for one in self.answered}

    @property
    def query(self) -> list[tuple[str, str]]:
        """The answers so far, as they stand in an address."""
        return [(one.question.id, one.sent) for one in self.answered]


def walk(catalogue: Catalogue, scenario: Scenario, given: Mapping[str, str]) -> Walk:
    """Return how far the given answers lead: to the first question without a good one."""
    answered: list[Answered] = []
    question, problem = None, None
    known: dict[str, Fact] = dict(scenario.fixed)
    for ask, asked in _asked(catalogue, scenario, known):
        sent = given.get(asked.id, "").strip()
        value = _read(asked, sent)
        problem = problem_with(asked, value) if sent else None
        if not sent or problem is not None or value is None:
            question = asked
            break
        known[ask.question] = normalised(value)
        answered.append(Answered(question=asked, value=known[ask.question], sent=sent))
    past = {one.question.id for one in answered} | {question.id if question else ""}
    return Walk(
        scenario=scenario,
        answered=tuple(answered),
        question=question,
        problem=problem,
        total=len(scenario.questions),
        later=tuple(
            (ask.question, given[ask.question])
            for ask in scenario.questions
            if ask.question in given and ask.question not in past
        ),
    )


def asked_again(catalogue: Catalogue, given: Walk, error: FactsError) -> Walk:
    """Return a walk whose answers are good one by one, back at the question that was refused."""
    problem = error.problems[0]
    places = [one.question.id for one in given.answered]
    place = places.index(problem.question) if problem.question in places else len(places) - 1
    return replace(
        given,
        answered=given.answered[:place],
        question=catalogue.question_by_id[places[place]],
        problem=problem,
        later=tuple((one.question.id, one.sent) for one in given.answered[place + 1 :]),
        refused=given.answered[place].sent,
    )


def completed(
    catalogue: Catalogue, scenario: Scenario, answers: Mapping[str, Fact]
) -> dict[str, Fact] | None:
    """Return the answers, with those of the scenario's example for what is still open.

    None when the example has no answer for a question that these answers open.
    """
    found: dict[str, Fact] = {}
    known: dict[str, Fact] = dict(scenario.fixed)
    for ask, question in _asked(catalogue, scenario, known):
        value = answers.get(question.id, scenario.example.get(question.id))
        if value is None:
            return None
        known[ask.question] = found[question.id] = normalised(value)
    return found


def _asked(
    catalogue: Catalogue, scenario: Scenario, known: dict[str, Fact]
) -> Iterator[tuple[Ask, Question]]:
    """Yield what is asked, as the answers put into `known` meanwhile decide."""
    for ask in scenario.questions:
        rule = compiled(ask.when) if ask.when else None
        if rule is not None and rule.names <= set(known) and not rule.holds(known):
            if ask.otherwise is not None:
                known[ask.question] = normalised(ask.otherwise)
            continue
        yield ask, catalogue.question_by_id[ask.question]


def _read(question: Question, sent: str) -> Fact | None:
    """Return an answer by the type of its question; what is none stays text, and is refused."""
    match question.type:
        case "boolean":
            return {YES: True, NO: False}.get(sent, sent)
        case "number":
            try:
                return float(sent)
            except ValueError:
                return sent
        case "choice" | "date":
            return sent


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What the answers so far lead to, and what the last of them has changed."""

    plan: Plan
    needed: frozenset[str]
    added: tuple[str, ...]
    dropped: tuple[str, ...]


def needed(plan: Plan) -> frozenset[str]:
    """Return the items that a plan asks for."""
    return frozenset(one.item for one in plan.verdicts if one.verdict is Verdict.APPLIES)


def effect(plan: Plan, before: Plan | None) -> Effect:
    """Compare the plan with the one before the last answer."""
    now = needed(plan)
    was = needed(before) if before is not None else now
    return Effect(
        plan=plan, needed=now, added=tuple(sorted(now - was)), dropped=tuple(sorted(was - now))
    )


__all__ = ["Effect", "FactsError", "Walk", "asked_again", "completed", "effect", "needed", "walk"]
