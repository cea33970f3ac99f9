"""The cast of the whole procedure, beside investor and officers, and what they are to do."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from services.demonstration import meeting, plant
from services.demonstration.caller import Caller
from services.demonstration.officers import Window
from services.demonstration.story import Story
from services.runtime.embedded.tokens import TokenSource

Tokens = Callable[[str], TokenSource]


@dataclass(frozen=True, kw_only=True)
class Offices:
    """Those beside investor and officers."""

    operator: Caller
    supervisor: Caller
    heads: Mapping[str, Caller]

    @classmethod
    async def open(
        cls, people: AsyncExitStack, urls: Mapping[str, str], tokens: Tokens
    ) -> "Offices":
        """Sign everybody in."""

        async def caller(service: str, client: str) -> Caller:
            return await people.enter_async_context(Caller(urls[service], tokens(client)))

        return cls(
            operator=await caller("intake", "operator"),
            supervisor=await caller("orchestrator", "supervisor"),
            heads={plant.LATE: await caller("orchestrator", f"head-{plant.LATE}")},
        )


async def prepare(
    number: str,
    plan: dict[str, Any],
    *,
    story: Story,
    windows: Sequence[Window],
    intake: Caller,
    offices: Offices,
    tokens: Tokens,
) -> plant.Plot:
    """Return what will happen to an application; the officers of its inspection are enlisted."""
    parts = {step["code"]: step["parts"] for step in plan["steps"]}
    every = [part for found in parts.values() for part in found]
    joint = meeting.Meeting(
        application=number,
        officers={window.department: window.officer for window in windows},
        chiefs={window.department: window.chief for window in windows},
        tokens=tokens,
        clock=windows[0].clock,
        story=story,
        names_of={part["department"]: part["department_name"]["zh"] for part in every},
    )
    invited = dict.fromkeys(part["department"] for part in parts[meeting.STEP])
    await joint.enlist(list(invited))
    return plant.Plot(
        number=number,
        plan=plan,
        story=story,
        clock=windows[0].clock,
        windows=windows,
        joint=joint,
        intake=intake,
        operator=offices.operator,
        supervisor=offices.supervisor,
        heads=offices.heads,
    )
