"""New classes for a trained model, fitted on the features before its last layer."""
