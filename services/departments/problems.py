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
RENEWED = problem_type(
    "renewed-by-law",
    409,
    "许可证有效期届满前未作决定，已视为准予延续（行政许可法第五十条）",
    "The permit expired undecided: its renewal counts as granted (Licensing Law, article 50)",
)
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
NOT_AUTHORISED = problem_type(
    "not-authorised",
    403,
    "没有对该事项有效的授权书",
    "No authorisation that holds now covers this item",
)
ABOVE_REQUIRED = problem_type(
    "approval-above-required", 409, "该事项须先报批", "This item has to go up first"
)
ABOVE_PENDING = problem_type(
    "approval-above-pending", 409, "报批尚未答复", "What went up has not been answered yet"
)
ABOVE_DIFFERS = problem_type(
    "approval-above-differs", 409, "与上级答复不一致", "Above has decided otherwise"
)
ABOVE_NEEDLESS = problem_type(
    "approval-above-needless",
    409,
    "该事项由首席代表决定，无须报批",
    "The representative decides this one: it does not go up",
)
ABOVE_ASKED = problem_type("approval-above-asked", 409, "该事项已报批", "This went up already")
ABOVE_ANSWERED = problem_type(
    "approval-above-answered", 409, "该报批已答复", "This has been answered already"
)
ANOTHER_PERSON = problem_type(
    "another-person-required", 403, "不得由本人办理", "This takes another person than yourself"
)
VISIT_UNSIGNED = problem_type(
    "site-visit-unsigned",
    409,
    "现场核查记录须由两名以上工作人员签名（行政许可法第三十四条）",
    "The record of a visit needs the signatures of two officers (Administrative Licensing Law 34)",
)
NOT_NAMED = problem_type(
    "not-named", 403, "核查记录未载明您在场", "The record does not name you as having been there"
)
REVOKED = problem_type("authorisation-revoked", 409, "授权书已撤销", "It has been revoked already")
ABSENCE_OVER = problem_type("absence-over", 409, "缺勤已结束", "The absence is over already")
ABSENT = problem_type("colleague-absent", 409, "该同事目前不在岗", "This colleague is absent now")
PAUSE_INVALID = problem_type(
    "pause-invalid",
    422,
    "不能如此停止计时，期限继续计算",
    "The clock cannot be stopped in this way: it runs on",
)
EXTENSION_INVALID = problem_type(
    "extension-invalid", 422, "不能如此延长期限", "The limit cannot be extended in this way"
)
EXTENSION_UNAPPROVED = problem_type(
    "extension-unapproved",
    409,
    "延长期限须先报批，由批准人答复",
    "A longer limit is proposed first, and answered by its approver",
)
EXTENSION_PROPOSED = problem_type(
    "extension-proposed",
    409,
    "该事项的延期申请尚未答复",
    "A longer limit of this task is proposed already and not answered yet",
)
EXTENSION_ANSWERED = problem_type(
    "extension-answered", 409, "该延期申请已答复", "This proposal has been answered already"
)
PAUSED = problem_type("task-paused", 409, "该事项正停止计时", "The clock of the task is stopped")
NOT_PAUSED = problem_type(
    "task-not-paused", 409, "该停止计时已结束", "This pause does not last any more"
)
LIMIT_OVER = problem_type(
    "limit-over",
    409,
    "法定期限已届满，不能停止或延长",
    "The statutory limit is over: it can be neither stopped nor extended",
)
EXAMINATION_OVER = problem_type(
    "examination-over", 409, "该申请的材料审查已结束", "The papers need not be examined any more"
)
FINDING_REFUSED = problem_type(
    "finding-refused", 422, "不得要求补正这些内容", "These things may not be asked of the applicant"
)
