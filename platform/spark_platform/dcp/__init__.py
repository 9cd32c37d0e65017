"""The data control plane: what a team writes of its jobs, and what the platform makes of it."""
