"""Departments: a queue per department, claims, opinions, decisions, lapses."""
