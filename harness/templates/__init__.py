"""Families of networks. Each file holds one function that returns a plain Keras model."""
