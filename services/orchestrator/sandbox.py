"""The workflow sandbox, with its modules imported once for all workflows of a process.

Temporal's own sandbox imports every module that is not passed through anew for each workflow: of
what an application cost the orchestrator that was a third of the CPU, and 0.4 MB of memory
for as long as it stayed in the cache. Here the modules are imported inside the sandbox once, and
each workflow gets these. Whatever is refused stays refused (the modules see the restricted
`datetime`, `random`, ...); what is given up is that two workflows cannot see each other's module
globals. The domain has none that change: tests/architecture/test_module_state.py holds that.

It stands on internals of the SDK, whose version the lock pins; tests/workflow/test_sandbox.py holds
what is relied on. `SandboxedWorkflowRunner` itself can take its place at any time.
"""

import copy
import functools
import threading
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext
from temporalio.worker.workflow_sandbox._runner import _Instance


class ThreadContext(RestrictionContext):
    """Says whether a workflow is running, thread by thread: an activation stays in one thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def is_runtime(self) -> bool:
        """Whether a workflow runs in this thread."""
        return getattr(self._local, "is_runtime", False)

    @is_runtime.setter
    def is_runtime(self, value: bool) -> None:
        self._local.is_runtime = value

    @property
    def in_activation(self) -> bool:
        """Whether it runs because something has happened, not because it is being made."""
        return getattr(self._local, "in_activation", False)

    @in_activation.setter
    def in_activation(self, value: bool) -> None:
        self._local.in_activation = value


class _SharingInstance(_Instance):
    """One workflow on modules that others use too."""

    def __init__(
        self,
        instance_details: WorkflowInstanceDetails,
        runner_class: type[WorkflowRunner],
        importer: Importer,
    ) -> None:
        self.instance_details = instance_details
        self.runner_class = runner_class
        self.importer = importer
        self._current_thread_id: int | None = None
        self.globals_and_locals = {"__file__": "workflow_sandbox.py"}
        self._create_instance()

    def _run_code(self, code: str, **extra_globals: Any) -> None:
        """Run a snippet of the SDK's; compiled once, not with every activation."""
        super()._run_code(_compiled(code), **extra_globals)  # type: ignore[arg-type]  # exec takes both

    def get_serialization_context(self, _: object) -> None:
        """Return no context: our data converter has nothing that would ask for one."""

    def get_external_store_context(self, _: object) -> StorageDriverStoreContext:
        """Return an empty context: payloads are not kept elsewhere."""
        return StorageDriverStoreContext(target=None)


@dataclass(frozen=True)
class SharingSandboxRunner(SandboxedWorkflowRunner):
    """Runs workflows in the sandbox; all workflows of one module share their imports."""

    _importers: dict[str, Importer] = field(default_factory=dict, init=False, compare=False)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return a workflow; the first of a module imports it."""
        module = det.defn.cls.__module__
        first = self._importers.get(module)
        importer = _importer(self.restrictions, module) if first is None else _copy(first)
        instance = _SharingInstance(det, self.runner_class, importer)
        if first is None:
            self._importers[module] = _copy(importer)
        return instance


@functools.cache
def _compiled(code: str) -> CodeType:
    return compile(code, "workflow_sandbox.py", "exec")


def _importer(restrictions: SandboxRestrictions, module: str) -> Importer:
    return Importer(restrictions, ThreadContext(), workflow_module_name=module)


def _copy(importer: Importer) -> Importer:
    """Return an importer that has imported the same, and imports more for itself."""
    found = copy.copy(importer)
    found.new_modules = dict(importer.new_modules)
    found.modules_checked_for_restrictions = set(importer.modules_checked_for_restrictions)
    found.import_func = found._import
    return found
