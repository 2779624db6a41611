"""What we know of a customer and how it changes: definition, windows, fold, sessions, facts; the store."""
