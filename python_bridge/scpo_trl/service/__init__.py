"""The trainer as a gRPC service: the director decides over the wire, this package computes."""
