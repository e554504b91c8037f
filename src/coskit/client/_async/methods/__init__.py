"""The methods of a client, besides the operations and the listings."""
