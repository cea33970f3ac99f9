"""The pure domain: no I/O, no clock, no framework. Imports the contracts' vocabulary only."""
