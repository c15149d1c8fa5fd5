"""Lessons: a failure to be predicted, seen and mended, and marks for what somebody wrote.

A lesson is a folder of the scenario library: a page, a scenario with its variants, questions, rules for marks, and
something to start from. Predictions are sealed before the run and scored by what the run did. Solutions run in an
interpreter of their own (`enclosure`), apart from the world and from those who judge.

It deliberately keeps no accounts and talks to no server: folders in, a verdict out.
"""
