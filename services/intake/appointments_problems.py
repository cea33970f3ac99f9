"""What can be wrong with an answer about a session's time."""

from services.runtime.web.problems import problem_type

NOTHING_TO_ANSWER = problem_type(
    "appointment-closed",
    409,
    "该安排目前不需要答复，或已举行、已取消",
    "Nothing about this session is to be answered, or it was held or called off",
)
TERM_PASSED = problem_type(
    "appointment-term-passed",
    409,
    "离开始已不足一个工作日，不能再确认或改期",
    "It starts in less than a working day: it can be neither confirmed nor moved any more",
)
ALREADY_ANSWERED = problem_type(
    "appointment-answered",
    409,
    "您已答复过，请等部门核对",
    "It was answered already: the departments look at it",
)
REPLACED = problem_type(
    "appointment-offer-replaced",
    409,
    "可选的时间已更新，请重新选择",
    "The times offered have changed: look at them again",
)
NOT_OFFERED = problem_type(
    "appointment-not-offered",
    422,
    "所选时间不在可选范围内",
    "This time is not among those offered",
)
