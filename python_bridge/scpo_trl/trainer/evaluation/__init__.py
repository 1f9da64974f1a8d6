"""Figures of scored pairs, and the rows of an evaluation."""
