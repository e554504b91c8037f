"""Commands that show and change the state of objects: access, tags, headers, versions."""
