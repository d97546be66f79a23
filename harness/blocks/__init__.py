"""What templates and programs are made of, and Keras lacks or has otherwise."""
