"""The seam to whoever directs a training, and the director of trainings without a remote one."""
