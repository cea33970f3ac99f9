"""What joint sessions are called. Every text is a message; templates translate it."""

from typing import Any

from services.contracts.vocabulary import Outcome, Part, TaskState
from services.departments.pages.case_words import OUTCOMES, PARTS, STATES

SESSIONS = {
    "convened": "已召集",
    "held": "已召开",
    "recorded": "已形成记录",
    "cancelled": "已取消",
}
KINDS = {"convened": "warn", "held": "warn", "recorded": "good", "cancelled": "quiet"}
ENGAGEMENTS = {
    "duty": "值班",
    "training": "培训",
    "leave": "请假",
    "other": "其他",
    "absence": "缺勤",
    "session": "联合会议",
}
TAKEN_BY_HAND = ("duty", "training", "leave", "other")
ENDINGS = {
    Part.DECIDE: (Outcome.GRANTED, Outcome.REFUSED),
    Part.CONSULT: (Outcome.NO_OBJECTION, Outcome.OBJECTION),
}
WORDS: dict[str, Any] = {
    "session_words": SESSIONS,
    "session_kinds": KINDS,
    "engagement_words": ENGAGEMENTS,
    "by_hand": TAKEN_BY_HAND,
    "endings": ENDINGS,
    "outcome_words": OUTCOMES,
    "part_words": PARTS,
    "task_words": STATES,
    "open_state": TaskState.OPEN,
}
