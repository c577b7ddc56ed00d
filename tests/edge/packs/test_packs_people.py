"""The CSV of a celebrity pack, and what is wrong with one."""

from pathlib import Path

import pytest

from edge.errors import InputError, MissingError
from edge.packs.people import read


def write(folder: Path, text: str) -> Path:
    file = folder / "people.csv"
    file.write_text(text, "utf-8")
    return file


def test_a_line_is_a_person(tmp_path: Path) -> None:
    lines = (
        "\ufeffid,name,urls,gender,photos",
        '1,"Lovelace, Ada",a.org; b.org,female,ada.jpg; more/ada 2.jpg',
        "2,Grace,,,grace.png",
    )
    ada, grace = read(write(tmp_path, "\n".join(lines)), tmp_path)
    assert (ada.id, ada.name, ada.urls, ada.gender) == ("1", "Lovelace, Ada", ("a.org", "b.org"), "Female")
    assert ada.photos == (tmp_path.resolve() / "ada.jpg", tmp_path.resolve() / "more" / "ada 2.jpg")
    assert (grace.urls, grace.gender) == ((), "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "its first line must name"),
        ("name,photos\nada,ada.jpg\n", "its first line must name"),
        ("id,name,photos,age\n1,ada,ada.jpg,36\n", "its first line must name"),
        ("id,name,photos\n", "names nobody"),
        ("id,name,photos\n1,ada\n", ":2: not 3 values"),
        ("id,name,photos\n1,ada,ada.jpg,more\n", ":2: not 3 values"),
        ("id,name,photos\n1,ada,\n", ":2: names no photo"),
        ("id,name,photos\n1,ada,a.jpg\n1,eve,b.jpg\n", ":3: the id '1' stands in line 2 already"),
        ("id,name,photos\n1,ada,a.jpg\n2,eve,b.jpg;./a.jpg\n", ":3: a.jpg stands in line 2 already"),
        ("id,name,photos,gender\n1,ada,a.jpg,queen\n", ":2: gender 'queen'"),
        ("id,name,photos\n1,ada,../../secret.jpg\n", ":2: secret.jpg: lies outside"),
        ("id,name,photos\n1,ada,/etc/passwd\n", ":2: passwd: lies outside"),
        ('id,name,photos\n1,"ada,a.jpg\n', "no CSV"),
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read(write(tmp_path, text), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "ada.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(InputError, match="lies outside"):
        read(write(tmp_path, "id,name,photos\n1,ada,ada.jpg\n"), tmp_path / "photos")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"id,name,photos\n1,\xff\xfe,a.jpg\n")
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read(tmp_path / "people.csv", tmp_path)
    with pytest.raises(MissingError, match="no such file"):
        read(tmp_path / "nobody.csv", tmp_path)
