"""What a visitor may do and what the server does for all of them: access, door, faults, sessions, turns."""
