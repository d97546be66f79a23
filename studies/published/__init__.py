"""Published ablations as study files."""
