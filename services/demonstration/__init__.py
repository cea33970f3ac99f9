"""The demonstration: simulated people who use the public API, and what one sees of it."""
