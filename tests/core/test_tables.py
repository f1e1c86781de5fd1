"""What is written to a table is read back unchanged, and no spreadsheet runs it; other people's tables are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core import tables
from bench.core.errors import UserError

HOSTILE = [
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\n=1",
        "'=1",
        "''=1",
        "'",
        "'quoted'",
        "a=1",
        "",
        " =1",
        "-",
        "=cmd|' /C calc'!A0",
    ),
    *(
        '=HYPERLINK("http://x";"y")',
        "＝1",
        "007",
        "1e3",
        "nan",
        "NA",
        "None",
        "True",
        "a;b\tc,d",
        'say "so"',
        "two\nlines",
    ),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_comes_back_and_begins_with_nothing_that_is_run(text: str) -> None:
    cell = tables.defused(text)
    assert tables.plain(cell) == text
    assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert cell == text or text.lstrip("'")[:1] in tuple("=+-@\t\r\n＝＋－＠")


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": HOSTILE, "=score": np.linspace(-1.5, 2, len(HOSTILE)), "ok": [True] * len(HOSTILE)})
    frame.loc[3, "=score"] = np.nan
    path = tables.write(frame, tmp_path / "table.csv", float_format=None)
    back = tables.read(path, {"name": str, "=score": float, "ok": bool})
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    tables.write(pd.DataFrame({"=name": ["-a", "b"], "score": [-1.5, 2.25], "n": pd.array([-1, None], "Int64")}), path)
    assert path.read_text() == "'=name,score,n\n'-a,-1.5,-1\nb,2.25,\n"


def test_a_table_without_rows_has_its_header(tmp_path: Path) -> None:
    path = tables.write(pd.DataFrame(columns=["a", "b"]), tmp_path / "none.csv")
    assert path.read_text() == "a,b\n" and tables.read(path, {"a": str, "b": float}).empty


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_spreadsheet_saved_is_read(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    path = tmp_path / "saved.csv"
    text = end.join([delimiter.join(line) for line in (("name", "score"), ("Çelik", "30"), ("Ann", '"a; b, c"'))])
    path.write_bytes(text.encode(encoding))
    table = tables.parsed(path, tables.text(path))
    assert list(table.columns) == ["name", "score"]
    assert [list(cells) for _, cells in table.rows] == [["Çelik", "30"], ["Ann", "a; b, c"]]


def test_a_line_that_names_the_separator_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_text("sep=;\na;b\n1,5;2\n")
    assert tables.parsed(path, tables.text(path)).columns == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        (b'a,b\n"1,2\n' + b"x" * 200_000, "more than 100000 characters; is a closing quote missing?"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "more than 100000 characters"),
        (b'a,b\n1,"2\n', "ends within quotes"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text"),
        (b"c,d\n1,2\n", "other columns than a, b: c, d"),
        (b"a,b\nx,much\n", "line 2: b is 'much', not a number"),
        (b"", "other columns than a, b"),
    ],
)
def test_what_is_no_such_table_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        tables.read(path, {"a": str, "b": float})
    assert str(raised.value).startswith(str(path)) and told in str(raised.value)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300


def test_what_is_far_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.csv"
    path.write_text("a,b\n1,2\n")
    monkeypatch.setattr(tables, "LARGEST", 5)
    with pytest.raises(UserError, match="8 bytes are more than"):
        tables.text(path)


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file"):
        tables.write(pd.DataFrame({"a": [1]}), tmp_path / "file" / "table.csv")
