"""What one sees of a demonstration: live progress, and the account at the end."""

from collections import Counter
from typing import Any

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

ENDED = {"decided", "lapsed", "cancelled"}


class Live:
    """One bar for each department, and one for the working days used of those promised."""

    def __init__(self, plan: dict[str, Any], number: str) -> None:
        self._names: dict[str, str] = {}
        self._total: Counter[str] = Counter()
        for step in plan["steps"]:
            for part in step["parts"]:
                self._names[part["department"]] = part["department_name"]["zh"]
                self._total[part["department"]] += 1
        self._head = Text(f"{number}  {plan['scenario_name']['zh']}", style="bold")
        self.days = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=40, complete_style="yellow", finished_style="yellow"),
            TextColumn("{task.completed:.0f} of {task.total:.0f} working days"),
        )
        self.bars = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=40, complete_style="cyan", finished_style="green"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}", style="dim"),
        )
        self._used = self.days.add_task("工作日 / promise", total=plan["promised_days"])
        self._bars: dict[str, TaskID] = {
            code: self.bars.add_task(f"{self._names[code]}", total=count, now="")
            for code, count in sorted(self._total.items(), key=lambda pair: self._names[pair[0]])
        }

    def __rich__(self) -> Group:
        return Group(self._head, self.days, self.bars)

    def update(self, progress: dict[str, Any]) -> None:
        """Show what intake says of the application."""
        self.days.update(
            self._used,
            completed=progress["used_working_days"],
            total=progress["promised_working_days"],
        )
        ended: Counter[str] = Counter()
        working: dict[str, list[str]] = {}
        last = {(t["item"], t["department"]): t for t in progress["tasks"]}
        for task in last.values():
            if task["state"] in ENDED:
                ended[task["department"]] += 1
            else:
                working.setdefault(task["department"], []).append(task["item"])
        for code, bar in self._bars.items():
            now = ", ".join(sorted(working.get(code, [])))
            self.bars.update(bar, completed=ended[code], now=now)


def account(
    console: Console, plan: dict[str, Any], progress: dict[str, Any], results: dict[str, Any]
) -> None:
    """Print the plan's totals, what was used, and every result."""
    totals = plan["totals"]
    table = Table(title="Working days 工作日", show_header=False)
    table.add_row("Statutory, one after another 法定串联", str(totals["statutory_serial"]))
    table.add_row("Statutory, in parallel 法定并联", str(totals["statutory_critical"]))
    table.add_row("Promised 承诺", str(progress["promised_working_days"]))
    table.add_row("Used 实际", str(progress["used_working_days"]), style="bold green")
    console.print(table)
    listing = Table(title="Results 办理结果")
    for column in ("Item 事项", "Department 部门", "Outcome 结论", "Number 文号"):
        listing.add_column(column, overflow="fold")
    for result in results["items"]:
        listing.add_row(
            result["item_name"]["zh"],
            result["department_name"]["zh"],
            result["outcome"],
            result["number"] or "—",
        )
    console.print(listing)
