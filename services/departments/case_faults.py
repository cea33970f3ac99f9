"""What can be wrong with a form of a case, beside what its use case says."""

from services.runtime.web.problems import Words

SIGN = Words("请确认签批", "Confirm that you sign it")
SIGN_RECORD = Words("请确认签署", "Confirm that you sign the record")
CHOOSE_EACH = Words("请为每个事项选择一项", "Choose one for every item")
CHOOSE = Words("请选择一项", "Choose one")
NOBODY = Words(
    "请选择一位同事，或授权书载明的替补",
    "Choose a colleague, or a substitute whom an authorisation names",
)
NOT_LISTED = Words(
    "目录未将该程序列为不计入时限", "The catalogue does not list this procedure as uncounted"
)
NOT_COMPLETE = Words("不予的理由和救济途径均须填写", "A refusal needs its reasons and remedies")
SAY = Words("请写明缺什么、怎样补正", "Say what is missing and how to put it right")
NOTHING = Words(
    "请勾选需要补正的内容；没有的，请确认材料齐全",
    "Tick what has to be put right; where nothing is missing, say that the papers are complete",
)
