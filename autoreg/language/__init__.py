"""Questions as text: their grammar, what they are made of, how they are answered."""
