"""Requests of S3: who signed them, and what their bodies are."""
