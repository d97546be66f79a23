"""Study files that come with the harness, found by name."""
