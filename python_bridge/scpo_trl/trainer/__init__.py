"""The TRL plugin: `SCPOTrainer`, `SCPOConfig` and the seam to whoever directs a training."""
