"""Reading and receiving bodies in bounded memory."""
