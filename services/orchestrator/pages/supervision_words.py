"""What the supervision knows, in the words of its readers. Every value of a kind has its words."""

from services.contracts.vocabulary import FollowUpState, Grade
from services.domain.supervision import CardState
from services.domain.supervision_rules import Colour

COLOURS = {Colour.LIGHT: "提示", Colour.YELLOW: "黄牌", Colour.RED: "红牌"}
COLOUR_KINDS = {Colour.LIGHT: "quiet", Colour.YELLOW: "warn", Colour.RED: "bad"}
STATES = {
    CardState.OPEN: "已发出",
    CardState.APPEALED: "申诉中",
    CardState.UPHELD: "维持",
    CardState.LIFTED: "已撤销",
}
STATE_KINDS = {
    CardState.OPEN: "warn",
    CardState.APPEALED: "warn",
    CardState.UPHELD: "bad",
    CardState.LIFTED: "good",
}
ACTS = {"raise": "发牌", "appeal": "申诉", "uphold": "维持", "lift": "撤销"}
GRADES = {
    Grade.VERY_SATISFIED: "非常满意",
    Grade.SATISFIED: "满意",
    Grade.BASICALLY_SATISFIED: "基本满意",
    Grade.DISSATISFIED: "不满意",
    Grade.VERY_DISSATISFIED: "非常不满意",
}
FOLLOW_UPS = {
    FollowUpState.OPEN: "待部门答复",
    FollowUpState.ANSWERED: "待督查办结",
    FollowUpState.CLOSED: "已办结",
}
EVIDENCE = {
    "step": "步骤",
    "passed_at": "越过时限的时刻",
    "issued_on": "派发日期",
    "due_on": "应办结日期",
    "due_at": "应办结时刻",
    "working_days": "工作日数",
    "calendar": "所用日历",
    "pauses": "不计入的期间",
    "extensions": "延长",
    "holders": "当时在办的部门",
    "lapsed_at": "视为无意见的时刻",
    "examination": "审查",
    "received_on": "收到日期",
    "accepted_on": "视为受理日期",
    "round": "轮次",
    "named": "后来才提出的内容",
    "session": "会议",
    "starts_at": "开始时刻",
    "decided_at": "决定时刻",
    "heard_at": "系统收到时刻",
    "number": "文号",
    "highest": "已有最大序号",
    "missing": "缺少的序号数",
    "also": "同号的任务",
    "letter": "无法处理的消息",
    "said_of": "所称时刻",
}
"""The parts of a card's evidence; one that is not here is shown by its own name."""
