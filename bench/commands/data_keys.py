"""The keys of ``bench data``: their names, and their lines in help texts."""

from __future__ import annotations

PLACE = {"dir": "dir=FOLDER         where it was prepared; by default where bench run looks for it"}

PREPARE = {
    "out": "out=FOLDER         where to put it; by default where bench run looks for it",
    "workers": "workers=N          processes; by default one for each core; 0: none, all in this one",
    "splits": "splits=[test]      prepare only these; by default all that the corpora have",
    "download": "download=FOLDER    fetch into this folder what can be fetched by a program, and prepare from it",
}

CARD = "The folders of its corpora, and the options of its recipe, are keys too: bench data info NAME lists them."
