"""The paper's figures, drawn from stored runs at the width of a column: a file a kind of figure."""
