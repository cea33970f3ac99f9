"""What codes are called on the page of a case. Every text is a message; templates translate it."""

from services.contracts.vocabulary import (
    Approver,
    Authority,
    DateChange,
    Outcome,
    Part,
    Role,
    TaskState,
)
from services.departments.authority import CONSULTED, Power

ROLES = {
    Role.OFFICER: "办事人员",
    Role.CHIEF_REPRESENTATIVE: "首席代表",
    Role.DEPARTMENT_HEAD: "部门负责人",
    Role.INVESTOR: "申请人",
}
PARTS = {Part.DECIDE: "审批", Part.CONSULT: "征求意见"}
STATES = {
    TaskState.OPEN: "办理中",
    TaskState.DECIDED: "已办结",
    TaskState.LAPSED: "逾期未答复，视为无意见",
    TaskState.CANCELLED: "已取消",
}
OUTCOMES = {
    Outcome.GRANTED: "准予",
    Outcome.REFUSED: "不予",
    Outcome.NO_OBJECTION: "无意见",
    Outcome.OBJECTION: "有意见",
    Outcome.DEEMED_NO_OBJECTION: "逾期未答复，视为无意见",
    Outcome.DEEMED_RENEWED: "视为准予延续",
}
ACTS = {
    "claimed": "承办",
    "released": "退回待办",
    "noted": "记事",
    "decision": "作出了决定",
    "opinion": "提出意见",
    "lapse": "逾期未答复，视为无意见",
    "cancelled": "取消",
    "paused": "停止计时",
    "pause_ended": "恢复计时",
    "extended": "延长期限",
    "redated": "改期",
    "session": "联合会议",
    "reassigned": "改派",
    "special": "特办",
    "asked_above": "报批",
    "answered_above": "报批已答复",
    "visited": "现场核查",
    "signed": "签署现场核查记录",
    "asked_extension": "申请延期",
    "answered_extension": "延期申请已答复",
    "checked": "填写核对表",
}
CHANGES = {
    DateChange.PAUSED: "因停止计时顺延",
    DateChange.PAUSE_ENDED: "停止计时提前结束",
    DateChange.EXTENDED: "期限已延长",
    DateChange.CALENDAR: "节假日安排调整",
    DateChange.PAPERS: "等待申请人提交后续材料",
    DateChange.RECTIFIED: "整改后重新计算",
}
AUTHORITIES = {
    Authority.REPRESENTATIVE: "首席代表",
    Authority.DEPARTMENT_HEAD: "部门负责人",
    Authority.GOVERNMENT_HEAD: "政府负责人",
    Authority.HIGHER_LEVEL: "上级机关",
    CONSULTED: "征求意见",
    "silence": "逾期未答复",
}
APPROVERS = {
    Approver.DEPARTMENT_HEAD: "部门负责人",
    Approver.GOVERNMENT_HEAD: "政府负责人",
    Approver.APPROVING_BODY: "审批机关",
    Approver.PRINCIPAL: "主要负责人",
}
POWERS = {
    Power.DECIDE: "审批权",
    Power.PRE_REVIEW: "初审权",
    Power.SPECIAL: "特办权",
}
FINDINGS = {"missing": "缺少", "defective": "不符合要求"}
WORDS = {
    "roles": ROLES,
    "parts_of_step": PARTS,
    "states": STATES,
    "outcomes": OUTCOMES,
    "acts": ACTS,
    "changes_of": CHANGES,
    "authorities": AUTHORITIES,
    "approvers": APPROVERS,
    "powers": POWERS,
    "findings": FINDINGS,
}
"""Everything, by the names that templates use."""
