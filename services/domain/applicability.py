"""Rules over project facts: which items apply, and which part of the rule decided.

A rule is data: an expression with `and`, `or`, `not`, comparisons, `in` over a list of constants,
fact names and constants. It is parsed with Python's own parser and a whitelist of nodes; there are
no calls, no attributes, no arithmetic. A rule is compiled once and evaluated by closures.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

Fact = bool | int | float | str
Facts = Mapping[str, Fact]
Value = Fact | tuple[Fact, ...]
Getter = Callable[[Facts], Value]

COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    # `_listed` has seen to it that `in` has a tuple on its right.
    ast.In: lambda value, values: isinstance(values, tuple) and value in values,
    ast.NotIn: lambda value, values: isinstance(values, tuple) and value not in values,
}


class RuleError(Exception):
    """The rule cannot be read, or cannot be evaluated with these facts."""

    def __init__(self, rule: str, column: int, reason: str) -> None:
        super().__init__(f"{reason} (rule `{rule}`, column {column})")
        self.rule, self.column, self.reason = rule, column, reason


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a rule said: `because` is the part of it that decided, `facts` the values it saw."""

    holds: bool
    because: str
    facts: dict[str, Fact]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One comparison of a fact with constants, for those who check types: `fact op values`."""

    fact: str
    operator: type[ast.cmpop]
    values: tuple[Fact, ...]


@dataclass(frozen=True)
class _Node:
    text: str
    names: tuple[str, ...]
    holds: Callable[[Facts], bool]
    operator: type[ast.boolop | ast.unaryop] | None = None
    parts: tuple["_Node", ...] = ()

    def deciding(self, facts: Facts) -> "_Node":
        """Return the smallest part that settles the truth of this one."""
        if self.operator is ast.Not:
            inner = self.parts[0]
            return self if inner.operator is None else inner.deciding(facts)
        if self.operator in (ast.And, ast.Or):
            settles = self.operator is ast.Or
            for part in self.parts:
                if part.holds(facts) is settles:
                    return part.deciding(facts)
        return self


@dataclass(frozen=True)
class Rule:
    """A compiled rule."""

    text: str
    names: frozenset[str]
    root: _Node
    tree: ast.expr

    def holds(self, facts: Facts) -> bool:
        """Return whether the rule holds. Raises RuleError for a fact that is missing or unfit."""
        return self.root.holds(facts)

    def decide(self, facts: Facts) -> Decision:
        """Return whether the rule holds, and the part of it that decided."""
        holds = self.root.holds(facts)
        part = self.root.deciding(facts)
        return Decision(
            holds=holds,
            because=part.text,
            facts={name: facts[name] for name in part.names if name in facts},
        )


@lru_cache(maxsize=8192)
def compiled(text: str) -> Rule:
    """Return the compiled rule. Raises RuleError naming the rule and the column."""
    line = " ".join(text.split())
    try:
        tree = ast.parse(line, mode="eval").body
        root = _Compiler(line).boolean(tree)
    except SyntaxError as error:
        raise RuleError(line, error.offset or 1, f"not an expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):  # a null byte; nested without measure
        raise RuleError(line, 1, "not an expression that can be read") from None
    return Rule(text=line, names=frozenset(root.names), root=root, tree=tree)


def names(text: str) -> frozenset[str]:
    """Return the facts that a rule uses. Raises RuleError."""
    return compiled(text).names


def holds(text: str | None, facts: Facts) -> bool:
    """Return whether the rule holds; no rule always holds. Raises RuleError."""
    return text is None or compiled(text).holds(facts)


def decide(text: str, facts: Facts) -> Decision:
    """Return what the rule says and which part of it decided. Raises RuleError."""
    return compiled(text).decide(facts)


def comparisons(text: str) -> tuple[Comparison, ...]:
    """Return every comparison of one fact with constants; a bare fact compares with True."""
    found: list[Comparison] = []
    _collect(compiled(text).tree, found)
    return tuple(found)


def _collect(node: ast.expr, found: list[Comparison]) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _collect(value, found)
        case ast.UnaryOp(operand=operand):
            _collect(operand, found)
        case ast.Name(id=name):
            found.append(Comparison(fact=name, operator=ast.Eq, values=(True,)))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            for before, op, after in zip([left, *rights], ops, rights, strict=False):
                fact, other = (before, after) if isinstance(before, ast.Name) else (after, before)
                if isinstance(fact, ast.Name) and not isinstance(other, ast.Name):
                    constants = _constants(other)
                    found.append(Comparison(fact=fact.id, operator=type(op), values=constants))


def _constants(node: ast.expr) -> tuple[Fact, ...]:
    value = ast.literal_eval(node)
    return tuple(value) if isinstance(value, list | tuple) else (value,)


class _Compiler:
    """Turns the whitelisted part of Python's syntax into nodes; refuses all else by column."""

    def __init__(self, text: str) -> None:
        self.text = text

    def boolean(self, node: ast.expr) -> _Node:
        match node:
            case ast.BoolOp(op=op, values=values):
                return self._joined(node, op, tuple(self.boolean(value) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.boolean(operand)
                return self._node(
                    node, inner.names, lambda facts: not inner.holds(facts), ast.Not, (inner,)
                )
            case ast.Compare():
                return self._compare(node)
            case ast.Name(id=name):
                return self._node(node, (self._name(node),), self._truth(node, name))
            case ast.Constant(value=bool(value)):
                return self._node(node, (), lambda _: value)
        raise self._error(node, "a condition is expected here")

    def _joined(self, node: ast.expr, op: ast.boolop, parts: tuple[_Node, ...]) -> _Node:
        all_names = tuple(dict.fromkeys(name for part in parts for name in part.names))
        tests = tuple(part.holds for part in parts)
        if isinstance(op, ast.And):
            return self._node(
                node, all_names, lambda facts: all(test(facts) for test in tests), ast.And, parts
            )
        return self._node(
            node, all_names, lambda facts: any(test(facts) for test in tests), ast.Or, parts
        )

    def _compare(self, node: ast.Compare) -> _Node:
        operands = [node.left, *node.comparators]
        for op, right in zip(node.ops, node.comparators, strict=True):
            self._listed(op, right)
        getters = tuple(self._value(operand) for operand in operands)
        tests = tuple(COMPARISONS[type(op)] for op in node.ops)
        used = tuple(dict.fromkeys(o.id for o in operands if isinstance(o, ast.Name)))
        if not used:
            raise self._error(node, "compares constants only")

        def holds(facts: Facts) -> bool:
            values = [getter(facts) for getter in getters]
            try:
                return all(test(values[i], values[i + 1]) for i, test in enumerate(tests))
            except TypeError:
                shown = ", ".join(map(repr, values))
                raise self._error(node, f"cannot compare {shown}") from None

        return self._node(node, used, holds)

    def _listed(self, op: ast.cmpop, right: ast.expr) -> None:
        if type(op) not in COMPARISONS:
            raise self._error(right, "`is` is not used in rules: write ==")
        is_list = isinstance(right, ast.List | ast.Tuple)
        if is_list is not isinstance(op, ast.In | ast.NotIn):
            raise self._error(right, "`in` takes a list of constants, and only `in` does")

    def _value(self, node: ast.expr) -> Getter:
        match node:
            case ast.Name(id=name):
                self._name(node)
                return lambda facts: self._fact(node, name, facts)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                constants = tuple(self._constant(element) for element in elements)
                return lambda _: constants
        constant = self._constant(node)
        return lambda _: constant

    def _constant(self, node: ast.expr) -> Fact:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
        raise self._error(node, "only facts and constants are compared")

    def _name(self, node: ast.Name) -> str:
        if node.id in ("true", "false"):
            raise self._error(node, f"write {node.id.capitalize()}")
        return node.id

    def _truth(self, node: ast.expr, name: str) -> Callable[[Facts], bool]:
        def holds(facts: Facts) -> bool:
            value = self._fact(node, name, facts)
            if not isinstance(value, bool):
                raise self._error(node, f"`{name}` is {value!r}, neither True nor False")
            return value

        return holds

    def _fact(self, node: ast.expr, name: str, facts: Facts) -> Fact:
        try:
            return facts[name]
        except KeyError:
            raise self._error(node, f"the fact `{name}` is not known") from None

    def _node(
        self,
        node: ast.expr,
        used: tuple[str, ...],
        test: Callable[[Facts], bool],
        op: type[ast.boolop | ast.unaryop] | None = None,
        parts: tuple[_Node, ...] = (),
    ) -> _Node:
        return _Node(ast.get_source_segment(self.text, node) or self.text, used, test, op, parts)

    def _error(self, node: ast.expr, reason: str) -> RuleError:
        column = len(self.text.encode()[: node.col_offset].decode()) + 1
        return RuleError(self.text, column, reason)
