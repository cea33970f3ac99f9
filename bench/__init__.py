"""Measures the product against a naive and against a bare Temporal workflow, in one run."""
