"""What users write: the custom resources, as typed models and as their definitions."""
