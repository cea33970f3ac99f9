"""A renewal in the workflow: one durable timer at the end of the permit, and what silence says."""

from datetime import date, timedelta

from temporalio.testing import WorkflowEnvironment

from services.contracts.vocabulary import Conclusion, Outcome
from services.domain.case import AskLapse, Lapsed, Release
from tests.unit.routes import START, renew, route, step, task
from tests.workflow.conftest import close_of, running
from tests.workflow.test_workflow import of

DAY = timedelta(days=1)
LAST = date(2026, 2, 6)


async def test_an_undecided_renewal_is_asked_about_when_the_permit_expires(
    env: WorkflowEnvironment,
) -> None:
    """ALL 50(2): not with its promise, nor with the limit of the law, but with the permit's end."""
    async with running(env, route(step(renew("R", "d", LAST)), promised_days=4), START) as run:
        while not of(run, AskLapse):
            await env.sleep(DAY)
        [asked] = of(run, AskLapse)
        assert asked.at == close_of(LAST) + timedelta(seconds=1)
        await run.say(Lapsed(at=asked.at, task=task("R", "d"), ref="silence"))
        assert await run.handle.result() == Conclusion.GRANTED
        [release] = of(run, Release)
        assert [one.outcome for one in release.results] == [Outcome.DEEMED_RENEWED]
