"""Sending one call: signing, retries and the proof of its outcome."""
