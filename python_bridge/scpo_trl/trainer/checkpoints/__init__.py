"""Whole trainings, saved and resumed."""
