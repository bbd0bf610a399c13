"""Can a map be trusted? Measures of explanations, and other maps to compare with."""
