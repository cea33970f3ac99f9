"""Lianshen (联审): joint parallel approval for a county's government service centre."""
