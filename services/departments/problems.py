"""The kinds of error that only a department's queue knows."""

from services.runtime.web.problems import problem_type

OWN_APPLICATION = problem_type(
    "own-application",
    403,
    "申请人或代理人不得办理本人的申请",
    "Nobody acts on an application of his own",
)
REPRESENTATIVE_REQUIRED = problem_type(
    "representative-required",
    403,
    "须由首席代表作出决定",
    "Only the chief representative of the department decides",
)
TASK_ENDED = problem_type("task-ended", 409, "该事项已办结", "The task has ended")
CLAIMED = problem_type("claimed", 409, "该事项已由他人承办", "Another officer has claimed the task")
WRONG_PART = problem_type(
    "wrong-part", 409, "该事项不能如此办结", "The task cannot end in this way"
)
INCOMPLETE = problem_type(
    "decision-incomplete", 422, "决定或意见不完整", "The decision or opinion is not complete"
)
DEPARTMENT_REQUIRED = problem_type(
    "department-required", 422, "请注明部门", "Say which department's queue"
)
NO_DEPARTMENT = problem_type(
    "no-department", 403, "令牌未注明所属部门", "The token names no department"
)
