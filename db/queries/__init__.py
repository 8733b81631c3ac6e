"""Plain query functions and verbs, session first. Only `sessions.begin()` commits."""
