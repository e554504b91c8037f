"""Signatures of the COS dialect."""
