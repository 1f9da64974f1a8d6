"""The TRL plugin: `SCPOTrainer`, `SCPOConfig` and the interface to whoever directs a training."""
