"""Training of the four methods: crops -> loss -> optimiser, EMA, validation, weights."""
