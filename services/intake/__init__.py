"""Intake: the one door. Catalogue, plan preview, submission, tracking, results."""
