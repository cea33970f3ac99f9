"""States and outcomes in the words of the operators. Every value of a kind has its words."""

from services.contracts.vocabulary import (
    AcceptanceState,
    ApplicationStatus,
    Conclusion,
    DateChange,
    LimitKind,
    Outcome,
    PauseKind,
    Role,
    SessionState,
    Signal,
    StepState,
    TaskState,
)

STATUSES = {
    ApplicationStatus.RECEIVED: "待受理",
    ApplicationStatus.SUPPLEMENTING: "待补正",
    ApplicationStatus.IN_PROGRESS: "办理中",
    ApplicationStatus.HELD: "暂停中",
    ApplicationStatus.RECTIFYING: "待整改",
    ApplicationStatus.CONCLUDED: "已办结",
    ApplicationStatus.WITHDRAWN: "已撤回",
}
KINDS = {
    ApplicationStatus.RECEIVED: "quiet",
    ApplicationStatus.SUPPLEMENTING: "warn",
    ApplicationStatus.IN_PROGRESS: "quiet",
    ApplicationStatus.HELD: "warn",
    ApplicationStatus.RECTIFYING: "warn",
    ApplicationStatus.CONCLUDED: "good",
    ApplicationStatus.WITHDRAWN: "quiet",
}
"""How a status looks: see the macro `badge`."""
CONCLUSIONS = {
    Conclusion.GRANTED: "全部准予",
    Conclusion.PARTLY_GRANTED: "部分准予",
    Conclusion.REFUSED: "不予",
    Conclusion.WITHDRAWN: "撤回",
}
STEPS = {
    StepState.WAITING: "等待前序",
    StepState.OPEN: "办理中",
    StepState.RECTIFYING: "待整改",
    StepState.DONE: "已办结",
    StepState.CANCELLED: "不再办理",
}
TASKS = {
    TaskState.WAITING: "未派发",
    TaskState.OPEN: "办理中",
    TaskState.DECIDED: "已办结",
    TaskState.LAPSED: "到期未答复",
    TaskState.CANCELLED: "已取消",
}
OUTCOMES = {
    Outcome.GRANTED: "准予",
    Outcome.REFUSED: "不予",
    Outcome.DEEMED_RENEWED: "视为准予延续",
    Outcome.NO_OBJECTION: "无意见",
    Outcome.OBJECTION: "有意见",
    Outcome.DEEMED_NO_OBJECTION: "视为无意见",
}
SIGNALS = {
    Signal.WARNING: "承诺期限将到",
    Signal.PROMISE_PASSED: "超过承诺期限",
    Signal.STATUTE_PASSED: "超过法定期限",
    Signal.JOINT_LIMIT_PASSED: "超过联合办理期限",
    Signal.FIRST_REVIEW_OVERDUE: "超过初审期限",
    Signal.DELIVERY_OVERDUE: "超过送达期限",
}
LIMITS = {
    LimitKind.ACCEPTANCE: "补正告知期限",
    LimitKind.JOINT: "联合办理期限",
    LimitKind.FIRST_REVIEW: "初审期限",
    LimitKind.DELIVERY: "送达期限",
}
MOVES = {
    DateChange.PAUSED: "停止计时",
    DateChange.PAUSE_ENDED: "恢复计时",
    DateChange.EXTENDED: "延长",
    DateChange.CALENDAR: "换用新日历",
    DateChange.PAPERS: "等后续材料",
    DateChange.RECTIFIED: "整改",
}
PAUSES = {
    PauseKind.HEARING: "听证",
    PauseKind.TENDER: "招标",
    PauseKind.AUCTION: "拍卖",
    PauseKind.INSPECTION: "检验",
    PauseKind.TESTING: "检测",
    PauseKind.QUARANTINE: "检疫",
    PauseKind.APPRAISAL: "鉴定",
    PauseKind.EXPERT_REVIEW: "专家评审",
    PauseKind.PUBLICITY: "公示",
    PauseKind.COMMISSIONED_EVALUATION: "委托评估",
    PauseKind.CONSULTATION: "征求意见",
    PauseKind.RECTIFICATION: "整改",
    PauseKind.PAPERS: "等后续材料",
}
SESSIONS = {
    SessionState.CONVENED: "已召集",
    SessionState.HELD: "已召开",
    SessionState.RECORDED: "待签署",
    SessionState.CANCELLED: "已取消",
}
ACCEPTANCES = {
    AcceptanceState.EXAMINING: "审查中",
    AcceptanceState.SUPPLEMENTING: "待补正",
    AcceptanceState.ACCEPTED: "已受理",
}
ROLES = {
    Role.INVESTOR: "申请人",
    Role.OFFICER: "窗口人员",
    Role.CHIEF_REPRESENTATIVE: "首席代表",
    Role.DEPARTMENT_HEAD: "部门负责人",
    Role.SUPERVISOR: "监察人员",
    Role.OPERATOR: "运维人员",
    Role.GOVERNMENT_HEAD: "政府负责人",
}
ACTS = {
    "hold": "暂停派发任务",
    "resume": "恢复派发",
    "resend": "重新发送",
    "reproject": "重新推算",
    "extend_joint": "延长联合办理期限",
}
"""What operators, and the head of the government, did: see `operator_act`."""
