"""Nobody acts for the centre on an application of his own, or as its agent (行政许可法 29)."""

import orjson

from services.runtime.auth import Principal
from services.runtime.web.problems import Problem, problem_type

OWN_APPLICATION = problem_type(
    "own-application",
    403,
    "申请人或代理人不得办理本人的申请",
    "Nobody acts on an application of his own",
)


def forbid_own(who: Principal, applicant_refs: str) -> None:
    """Raise Problem 403 when one of the keyed hashes (a JSON list) stands for who acts."""
    if not who.refs.isdisjoint(orjson.loads(applicant_refs)):
        raise Problem(OWN_APPLICATION)
