"""What a training needs, counted without its weights: memory by part, and the work of a step."""
