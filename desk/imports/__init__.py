"""Members and organizations from a file, with a dry run in words, all or nothing."""
