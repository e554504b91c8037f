"""Commands that set up the program: profiles, checks, completion in shells."""
