"""Speed, measured with one command on the parts that run in production."""
