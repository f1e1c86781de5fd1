"""Speech recognisers behind one contract: what WER and phoneme similarity listen with."""
