"""How answers are computed, exactly or by chance."""
