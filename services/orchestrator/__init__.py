"""Orchestrator: one Temporal workflow per application around the functional core."""
