"""The command `coskit stat`: the facts about objects and buckets."""
