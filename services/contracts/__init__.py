"""The wire: what services and departments say to each other. Imports nothing of ours."""
