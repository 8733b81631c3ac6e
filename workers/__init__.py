"""The Celery app, inference engines and training. The only package that may import torch."""
