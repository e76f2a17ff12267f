"""What breaks it: crash tests, fuzzing, damaged files."""
