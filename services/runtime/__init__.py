"""Plumbing with no business words: settings, database, messages, telemetry, identity, clock."""
