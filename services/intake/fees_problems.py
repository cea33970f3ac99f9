"""What can be wrong with an act about a bill."""

from services.runtime.web.problems import problem_type

NOT_ACCEPTED = problem_type(
    "not-accepted-yet",
    409,
    "尚未受理，受理前不产生账单",
    "The application is not accepted yet: before that nothing is billed",
)
NOT_TO_ASSESS = problem_type(
    "not-to-assess",
    409,
    "该项收费已由公布标准确定，或已缴、已免，不得另行核定",
    "The published standard settles this line, or it is paid or remitted: it is not assessed",
)
NOT_TO_EXEMPT = problem_type(
    "not-to-exempt",
    409,
    "该项收费已缴、已免或无需缴纳",
    "This line is paid, remitted, or nothing is due",
)
NOT_DUE = problem_type(
    "fee-not-due",
    409,
    "所选收费项目目前不能缴纳",
    "What was chosen cannot be paid at present",
)
NOT_PAID = problem_type(
    "fee-not-paid", 409, "该项收费没有可退的缴款", "Of this line no payment is there to refund"
)
PAID_ELSEWHERE = problem_type(
    "fee-paid-elsewhere",
    409,
    "该款项经由另一支付系统缴纳，须由该系统退还",
    "It was paid through another payment system, which has to refund it",
)
NO_PAYMENT = problem_type(
    "no-payment-system",
    503,
    "尚未接入支付系统",
    "No payment system is connected",
)
