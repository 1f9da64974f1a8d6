"""The forward pass over the combinations of text and image, and what it saves."""
