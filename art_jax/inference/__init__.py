"""Using a trained model: load, sample, translate, export."""
