"""Rows of contrast pairs, and the batches that they become."""
