"""One request and its response: reader, writer and the record of both."""
