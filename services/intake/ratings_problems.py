"""What can be wrong with a rating."""

from services.runtime.web.problems import problem_type

NOT_THE_APPLICANT = problem_type(
    "not-the-applicant",
    403,
    "只有申请人本人可以评价，代理人和该部门人员不能代为评价",
    "Only the applicant may rate, not an agent nor anybody of the department",
)
NOTHING_TO_RATE = problem_type(
    "nothing-to-rate",
    409,
    "该部门尚未送达办理结果，暂不能评价",
    "No result of this department is out yet",
)
ALREADY_RATED = problem_type(
    "already-rated", 409, "已评价过该部门", "The department was rated already"
)
