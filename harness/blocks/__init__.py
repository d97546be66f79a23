"""Parts for templates and programs that Keras lacks or defines differently."""
