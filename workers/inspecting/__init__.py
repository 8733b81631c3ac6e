"""What an inspect task does, from the claim to the commit. Runs without Celery."""
