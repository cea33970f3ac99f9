"""What is wrong with a value, in Chinese and English, for the checks that the models use."""

from collections.abc import Mapping
from typing import Any

_CHINESE = {
    "missing": "此项必填",
    "extra_forbidden": "不应有此项",
    "string_type": "应为文字",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不正确",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "finite_number": "应为有限数",
    "bool_type": "应为是或否",
    "bool_parsing": "应为是或否",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不应小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不应大于 {le}",
    "enum": "应为下列之一：{expected}",
    "literal_error": "应为下列之一：{expected}",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "dict_type": "应为键值表",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "too_short": "至少 {min_length} 项",
    "too_long": "至多 {max_length} 项",
    "date_type": "应为日期",
    "date_parsing": "应为日期（YYYY-MM-DD）",
    "date_from_datetime_parsing": "应为日期（YYYY-MM-DD）",
    "datetime_type": "应为日期时间",
    "datetime_parsing": "应为日期时间（RFC 3339）",
    "datetime_from_date_parsing": "应为日期时间（RFC 3339）",
    "timezone_aware": "日期时间须带时区",
    "uuid_parsing": "应为 UUID",
    "uuid_type": "应为 UUID",
}
_PATTERNS = {
    r"^\S{1,100}$": ("请填写文号，中间不留空格", "Give a number without spaces in it"),
}
"""What people type by hand that has to match a pattern: what is wanted, not the pattern."""


def validation_words(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return (Chinese, English) for one pydantic error; never the value that was sent.

    The English text is pydantic's. That of a check of our own (`value_error`) is what the check
    raised, "Chinese / English" or one language for both.
    """
    context = error.get("ctx") or {}
    if error["type"] == "value_error":
        chinese, _, english = str(context.get("error", "")).partition(" / ")
        return chinese, english or chinese
    if (wanted := _PATTERNS.get(context.get("pattern", ""))) is not None:
        return wanted
    pattern = _CHINESE.get(error["type"], "内容不正确")
    try:
        return pattern.format_map(context), str(error["msg"])
    except KeyError:
        return "内容不正确", str(error["msg"])
