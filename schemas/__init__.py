"""The nouns that cross a process or a file. Imports nothing else of Opportune."""
