"""Exchanges that libcurl carries out: easy handles, connections of threads, asyncio."""
