"""Training of the four methods: crops -> objective -> optimiser, EMA, validation, weights."""
