"""The kinds of error that only joint sessions know, and the words for what a rule says."""

from collections.abc import Sequence

from services.domain.sessions import Breach, Obstacle
from services.runtime.web.problems import Fault, Words, problem_type

NOT_JOINT = problem_type(
    "not-joint",
    409,
    "该环节没有待办的联合事项",
    "The step has nothing open that departments decide together",
)
LEAD_REQUIRED = problem_type(
    "lead-required", 403, "须由牵头部门办理", "Only the department that leads the step does this"
)
SESSION_EXISTS = problem_type(
    "session-exists",
    409,
    "该环节已有尚未结束的联合会议",
    "The step has a session that is not over",
)
SESSION_STATE = problem_type(
    "session-state", 409, "会议目前不能如此办理", "The session is not at the point for this"
)
NOT_BEGUN = problem_type("session-not-begun", 409, "会议尚未开始", "The session has not begun")
PLACEMENT = problem_type(
    "session-placement",
    422,
    "时间或参加人员不符合要求",
    "The time or the attendees do not keep the rules",
)
ON_ANOTHER_ROSTER = problem_type(
    "on-another-roster",
    409,
    "该人员已列入其他部门名册",
    "This officer is on another department's roster",
)
NOT_ON_ROSTER = problem_type(
    "not-on-roster", 409, "该人员不在本部门名册中", "This officer is not on the roster"
)
OFFICER_TAKEN = problem_type(
    "officer-taken", 409, "该人员此时另有安排", "This officer is not free at that time"
)
NOT_SENT = problem_type(
    "not-sent", 409, "该人员不是本次会议的参加人员", "This officer was not sent to the session"
)
RECORD_INCOMPLETE = problem_type(
    "record-incomplete",
    422,
    "记录须载明各核查部门的核查意见",
    "The record states what each department that verified has found",
)
RECORD_MISMATCH = problem_type(
    "record-mismatch", 409, "签署的记录与存档记录不一致", "What is signed is not the stored record"
)
MEMBER_ABSENT = problem_type(
    "member-absent",
    409,
    "贵部门未按要求到场，不能在本记录上签署",
    "The department was not present as it must be, and cannot sign this record",
)
SIGNED = problem_type("session-signed", 409, "贵部门已签署", "The department has signed already")
NOTHING_TO_SIGN = problem_type(
    "nothing-to-sign", 409, "贵部门在本次会议中没有待办事项", "The department has nothing open here"
)
SIGNATURE_INCOMPLETE = problem_type(
    "signature-incomplete",
    422,
    "须对本部门在本次会议中的全部待办事项一并签署",
    "A signature ends all that the department has open in the session, and nothing else",
)
SIGNED_TWICE = problem_type(
    "department-twice",
    422,
    "同一部门只能签署一次",
    "Each department signs once, with the token of one of its own",
)

BREACHES = {
    Breach.OUTSIDE_HOURS: Words(
        "会议及往返须在同一工作日的工作时间内",
        "The session and the ways lie in the business hours of one working day",
    ),
    Breach.TOO_EARLY: Words("时间已过", "The time is over already"),
    Breach.AFTER_CLOCK: Words(
        "会议须在各部门时限内结束", "The session ends inside the clock of every member"
    ),
    Breach.TOO_FEW: Words(
        "参加人数不足；现场核查须两人以上（行政许可法第三十四条）",
        "Too few officers; facts are verified by two at least (行政许可法 34)",
    ),
    Breach.STRANGER: Words(
        "参加人员不在名册中，或系申请人、代理人",
        "Somebody who is not on the roster, or has to do with the application",
    ),
    Breach.NOT_FREE: Words("参加人员此时另有安排", "Somebody is not free at that time"),
}
OBSTACLES = {
    Obstacle.TOO_FEW: Words("名册上的人员不足", "Too few officers stand on the roster"),
    Obstacle.CLOCK: Words(
        "剩余时限内排不下会议", "The session does not fit into what is left of the clock"
    ),
    Obstacle.NEVER_FREE: Words(
        "时限内始终没有足够的人员有空", "Never are enough officers free inside the clock"
    ),
    Obstacle.NO_COMMON_TIME: Words(
        "各部门没有共同的空闲时间", "The departments have no free time in common"
    ),
}
TAKEN_BY_OTHERS = Words(
    "人员已安排给同一轮的其他会议", "The officers are taken by other sessions of this round"
)


def faults(breaches: Sequence[tuple[Breach, str | None]]) -> list[Fault]:
    """Return what is wrong with a placement, each with its place in the body."""
    return [
        Fault("#/starts_at" if department is None else f"#/attendees/{department}", BREACHES[what])
        for what, department in breaches
    ]
