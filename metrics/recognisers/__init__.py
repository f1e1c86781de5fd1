"""Speech recognisers behind one contract: for word error rate and phoneme similarity."""
