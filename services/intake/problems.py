"""What can be wrong with an application, told completely and at once (行政许可法 32(4))."""

from collections.abc import Sequence

from services.domain.catalogue import Name
from services.domain.facts import FactProblem
from services.domain.plan import PlannedMaterial
from services.runtime.web.problems import Fault, Problem, Words, problem_type

FACTS = problem_type(
    "facts-invalid", 422, "项目情况填报有误", "The facts of the project are not valid"
)
INCOMPLETE = problem_type(
    "incomplete",
    422,
    "申请材料不齐全或不符合要求",
    "The application is incomplete or not in the form required",
)
NOT_NEEDED = problem_type(
    "no-licence-needed",
    422,
    "该项目依法不需要取得许可，无需申请",
    "No licence is needed: there is nothing to apply for",
)
NOT_IN_POWER = problem_type(
    "not-in-power",
    422,
    "所需许可不属于本县职权范围，请向有权机关申请",
    "What is needed is not in our power: apply to the authority named",
)
LICENCE_NEEDED = problem_type(
    "licence-needed",
    409,
    "该项目需要取得许可，请直接提出申请",
    "A licence is needed, and applied for here",
)
OWN_APPLICATION = problem_type(
    "own-application",
    403,
    "申请人或代理人不得办理本人的申请",
    "Nobody acts on an application of his own",
)
NOTHING_TO_RECTIFY = problem_type(
    "nothing-to-rectify", 409, "目前无需补正", "Nothing is to be put right at present"
)
TERM_PASSED = problem_type(
    "rectification-term-passed", 409, "补正期限已过", "The term for putting it right has passed"
)
NOTHING_TO_SUPPLEMENT = problem_type(
    "nothing-to-supplement", 409, "目前没有待补正的告知", "No such notice waits for an answer"
)
CORRECTION_CLOSED = problem_type(
    "correction-closed", 409, "目前不能更正", "Nothing can be corrected at present"
)
CONCLUDED = problem_type("concluded", 409, "该申请已办结", "The application is concluded")
WITHDRAWN = problem_type(
    "already-withdrawn", 409, "该申请已撤回", "The application was withdrawn already"
)
FILE_REFUSED = problem_type(
    "file-refused", 422, "文件未通过检查", "The file did not pass the checks"
)
APPROVED = problem_type(
    "catalogue-approved", 409, "该目录版本已批准", "This version is approved already"
)
APPROVAL_REFUSED = problem_type(
    "catalogue-approval-refused",
    422,
    "该目录版本不能批准",
    "This version cannot be approved",
)
NO_CATALOGUE = problem_type(
    "no-catalogue", 503, "目前没有生效的事项目录", "No catalogue is in force at present"
)
NO_SEAL = problem_type(
    "no-seal", 503, "电子印章不可用，暂不能出具文书", "The seal cannot be used: no document is made"
)
REMEDY_NOTED = problem_type("remedy-noted", 409, "该救济程序已登记", "This remedy is noted already")
REMEDY_ENDED = problem_type(
    "remedy-ended", 409, "该救济程序已终结", "This remedy has ended already"
)


def of_facts(problems: Sequence[FactProblem]) -> Problem:
    """Return the problem with one error per question; `questions` has both languages."""
    return Problem(
        FACTS,
        errors=[
            Fault(
                _pointer(one.question),
                Words(f"{one.message.zh}{one.fix.zh}", f"{one.message.en} {one.fix.en}"),
            )
            for one in problems
        ],
        extra={
            "questions": [
                {
                    "question": one.question,
                    "code": one.code,
                    "message": _both(one.message),
                    "fix": _both(one.fix),
                }
                for one in problems
            ]
        },
    )


def _pointer(question: str) -> str:
    if question in ("scenario", "held"):
        return f"#/{question}"
    return f"#/answers/{question.replace('~', '~0').replace('/', '~1')}"


def _both(name: Name) -> dict[str, str]:
    return {"zh": name.zh, "en": name.en}


def of_submission(faults: Sequence[Fault], missing: Sequence[PlannedMaterial]) -> Problem:
    """Return the one notice of everything that is missing or wrong.

    `missing` has the id, both names, the form and the items of every material that is not there.
    """
    absent = [
        Fault(
            "#/materials",
            Words(
                f"缺少材料：{one.name.zh}（{one.id}）",
                f"Material missing: {one.name.en} ({one.id})",
            ),
        )
        for one in missing
    ]
    return Problem(
        INCOMPLETE,
        Words(
            "依据行政许可法第三十二条第一款第四项，一次性告知全部需要补正的内容。",
            "Everything that has to be put right is told here, once (行政许可法 32(4)).",
        ),
        errors=[*absent, *faults],
        extra={
            "missing": [
                {
                    "material": one.id,
                    "name": _both(one.name),
                    "form": one.form,
                    "used_by_items": list(one.used_by_items),
                }
                for one in missing
            ]
        },
    )
