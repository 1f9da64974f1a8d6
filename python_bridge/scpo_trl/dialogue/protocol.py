"""The version of the contract in proto/."""

PROTOCOL_VERSION = 3
"""Raised, here and in src/backend/protocol.ts, when client and trainer must be changed together."""
