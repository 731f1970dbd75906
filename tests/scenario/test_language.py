"""Reading scenarios: what is taken, and the words of every refusal."""

from __future__ import annotations

import pytest

from mtelab.scenario import ScenarioError, parse, parse_file

GOOD = "memfd f 4\nmmap r 4 shared f+1 rw\nvm v\n"


def test_arguments_are_read():
    operations = parse("# a note\n\nmmap r 0x4 private anon -\nchild load r 3 15\n")
    assert [(one.name, one.child, one.line) for one in operations] == [("mmap", False, 3), ("load", True, 4)]
    assert operations[0].arguments[:2] == ("r", 4)
    assert operations[1].arguments == ("r", 3, 15)
    assert operations[1].text == "child load r 3 15"


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("fly v", "word 1, 'fly'", "memfd, hugefd"),
        ("child vm w", "word 2, 'vm'", "memfd, hugefd"),
        ("child", "word 2, missing after 'child'", "memfd"),
        ("load q 0", "word 2, 'q'", "a region of an earlier line: r"),
        ("gload w 0", "word 2, 'w'", "a VM of an earlier line: v"),
        ("mmap s 1 private g rw", "word 5, 'g'", "anon or a file of an earlier line: f"),
        ("mmap s 1 private f+x rw", "word 5, 'f+x'", "f+ and a page of it, 0 to 1048576"),
        ("mmap s 1 private anon rr", "word 6, 'rr'", "a protection: - or letters of rwm"),
        ("mmap s 1 both anon r", "word 4, 'both'", "private or shared"),
        ("mmap 7 1 private anon r", "word 2, '7'", "a name for the region"),
        ("load r", "word 3, missing after 'r'", "a page of r, 0 to 3"),
        ("load r 4", "word 3, '4'", "a page of r, 0 to 3"),
        ("load r -1", "word 3, '-1'", "a page of r, 0 to 3"),
        ("load r 0 16", "word 4, '16'", "a tag, 0 to 15"),
        ("load r 0 1 2", "word 5, '2'", "the end of the line"),
        ("store r 0 256", "word 4, '256'", "a byte, 0 to 255"),
        ("stg r 0 256 1", "word 4, '256'", "a granule of the page, 0 to 255"),
        ("munmap r 2 3", "word 4, '3'", "pages from there to the end of r, 0 to 2"),
        ("hugefd h 100", "word 3, '100'", "pages of the file, a multiple of 512"),
        ("slot v 0 0 r 0 1 log ro", "word 9, 'ro'", "the end of the line"),
        ("tcf v maybe", "word 3, 'maybe'", "none, sync, async or asymm"),
        ("getreg v sctlr", "word 3, 'sctlr'", "gcr, rgsr or tfsr"),
        ("vm v", "word 2, 'v'", "a VM that is new"),
        ("rawtags v 0 0 0 0 2", "word 7, '2'", "whether the buffer is bad, 0 to 1"),
    ],
)
def test_a_refusal_names_line_word_and_what_was_expected(line, word, expected):
    with pytest.raises(ScenarioError) as refusal:
        parse(GOOD + line + "\n")
    assert refusal.value.line == 4
    assert refusal.value.word == word
    assert refusal.value.expected.startswith(expected)
    assert str(refusal.value).startswith(f"line 4: {word}: expected {expected}")


def test_a_region_is_known_though_its_mmap_may_fail():
    assert len(parse("hugefd h 512\nmmap r 512 private h rwm\nload r 511\n")) == 3


def test_a_third_vm_is_one_too_many():
    with pytest.raises(ScenarioError, match=r"line 3: word 2, 'c': .* not more than 2"):
        parse("vm a\nvm b\nvm c\n")


def test_a_file_that_does_not_end_with_a_newline_may_be_cut_short(tmp_path):
    file = tmp_path / "scenario"
    file.write_text("vm v\nmte v")
    with pytest.raises(ScenarioError, match="line 2: 'v', the last word: expected a newline"):
        parse_file(file)
    file.write_text("vm v\nmte v\n")
    assert len(parse_file(file)) == 2


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"^no such file or directory: expected a file of operations"):
        parse_file(tmp_path / "none")


def test_a_file_that_is_no_text_is_refused_with_the_line(tmp_path):
    (tmp_path / "picture").write_bytes(b"vm v\n\x89PNG\n")
    with pytest.raises(ScenarioError, match=r"^line 2: byte 0x89: expected text in UTF-8$"):
        parse_file(tmp_path / "picture")


def test_parent_and_child_may_call_regions_of_different_size_by_one_name():
    start = "mmap r 4 private anon r\nfork\nchild mmap r 1 private anon r\nload r 3\n"
    assert len(parse(start)) == 4
    with pytest.raises(ScenarioError, match="line 5: word 4, '3': expected a page of r, 0 to 0"):
        parse(start + "child load r 3\n")
