"""The kinds of error that only logins and the forms of pages know."""

from services.runtime.web.problems import Words, problem_type

FORGED = problem_type(
    "not-from-our-page",
    403,
    "请求不是从本网站的页面发出的，请刷新页面后重试",
    "This did not come from a page of this site; reload the page and try again",
)
LOGIN_FAILED = problem_type(
    "login-failed", 400, "登录没有完成，请重新登录", "The login was not completed; log in again"
)
WRONG_ACCOUNT = Words(
    "您的账号没有此页面的权限，请用相应账号登录",
    "Your account may not open this page; log in with another one",
)
UNREACHABLE = Words("登录服务暂时无法连接", "The login service cannot be reached")
TOKEN_TOO_LARGE = Words(
    "统一身份认证给出的登录信息过大，浏览器无法保存，请联系系统管理员",
    "The login service gave more than a browser can keep; tell those who run this system",
)
NOT_SET_UP = Words("本系统尚未接入统一身份认证", "No login is set up for these pages")
