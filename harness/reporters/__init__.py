"""Values to text; they write nothing."""
