"""The roles: `lianshen intake`, `lianshen orchestrator`, `lianshen departments`."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands. Each imports its service only when it is the one that runs."""

    @app.command()
    def intake() -> None:
        """Run the intake service: the investors' door."""
        from services.intake.app import main

        main()

    @app.command()
    def orchestrator() -> None:
        """Run the orchestrator: consumer, Temporal worker, operators' API."""
        from services.orchestrator.app import main

        main()

    @app.command()
    def departments() -> None:
        """Run the departments' service: the queues."""
        from services.departments.app import main

        main()
