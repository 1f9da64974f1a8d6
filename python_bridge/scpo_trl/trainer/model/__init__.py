"""A model's weights and folder: support, freezing, precision, saving."""
