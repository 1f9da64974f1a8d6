"""What a training can be told: the settings of `SCPOConfig` and of TRL's `ModelConfig`, as a schema and as a check."""
