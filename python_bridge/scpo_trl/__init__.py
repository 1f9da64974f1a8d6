"""Semantic Curriculum Preference Optimization for TRL."""
