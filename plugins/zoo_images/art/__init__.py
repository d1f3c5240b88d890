"""How the drawings are made: a pen, the scenes behind, and the pets."""
