"""What can be wrong with an answer that an investor fills in on a page."""

from services.runtime.web.problems import INVALID, Fault, Problem, Words

ONE_OF_BOTH = Words(
    "请上传文件，或者写明原件在哪里，两者选一",
    "Upload a file, or write where the paper is: one of the two",
)
TOO_LONG = Words("文字最多 200 个字", "Use 200 characters at most")
EMPTY = Words("请写明情况", "Write what is the case")
WHICH = Words("请选择是哪一份材料", "Choose which paper it is")
NOTHING = Words("请至少提交一份补正后的材料", "Hand in at least one paper that was put right")
CHOOSE_TIME = Words("请选择一个时间", "Choose one of the times")
UNKNOWN = Words("这一项不在通知中，请刷新页面", "The notice does not have this; reload the page")


def wrong(pointer: str, words: Words) -> Problem:
    """Return the problem with one thing wrong."""
    return Problem(INVALID, errors=[Fault(pointer, words)])
