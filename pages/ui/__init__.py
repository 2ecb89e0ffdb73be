"""What the pages share; each module holds one thing."""
