"""The audit trail beyond the machine: keys are announced, checkpoints signed, anchored and published."""
