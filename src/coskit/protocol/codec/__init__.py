"""Parameters to requests and back; responses to results and back."""
