"""Who asks: signing in, passwords, other sign-in services, and the pages of people."""
