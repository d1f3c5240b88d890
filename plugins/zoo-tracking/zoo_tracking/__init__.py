"""TensorBoard and MLflow for the zoo."""
