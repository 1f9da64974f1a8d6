"""One training directed over a stream, whoever dialled whom."""
