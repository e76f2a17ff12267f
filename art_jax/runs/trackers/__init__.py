"""What a run tells other programs: Weights & Biases, MLflow, trackio, yours."""
