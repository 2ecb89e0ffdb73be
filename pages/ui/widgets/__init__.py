"""Small parts that any page uses: text as it is, tables, badges, hints, the way back."""
