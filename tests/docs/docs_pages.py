"""The pages of README and docs: their blocks of code, tables, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

_FENCE = re.compile(r"^```(?P<words>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"<!-- (?:table|output) \S+ -->\n.*?<!-- end -->", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """README and every page of docs, those that programs write too."""
    found = [README, *sorted((ROOT / "docs").rglob("*.md"))]
    assert len(found) > 7
    return found


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        page: name of its page.
        line: of the opening fence, from 1.
        language: the fence's first word.
        kind: its other words.
        text: what is between the fences.
    """

    page: str
    line: int
    language: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(text: str, page: str) -> list[Block]:
    """The blocks that people wrote: those between the marks of a generated table or output are left out."""
    # Blanked rather than cut, so that the numbers of the lines stay.
    text = _GENERATED.sub(lambda match: "\n" * match[0].count("\n"), text)
    found = []
    for match in _FENCE.finditer(text):
        language, _, kind = match["words"].strip().partition(" ")
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, kind.strip(), match["text"]))
    return found


def all_blocks(*languages: str) -> list[Block]:
    """The blocks of all pages, or those of some languages."""
    found = [
        block
        for page in pages()
        for block in blocks(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())
        if not languages or block.language in languages
    ]
    assert found
    return found


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level or above.

    Raises:
        KeyError: there is no such heading.
    """
    lines = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text).splitlines()
    kept = text.splitlines()
    for start, line in enumerate(lines):
        if re.fullmatch(rf"(#+) {re.escape(title)}", line):
            level = len(line) - len(line.lstrip("#"))
            ends = (i for i in range(start + 1, len(lines)) if re.match(rf"#{{1,{level}}} ", lines[i]))
            return "\n".join(kept[start + 1 : next(ends, len(kept))])
    raise KeyError(title)


def subsections(text: str) -> dict[str, str]:
    """Title to what stands under it, of the headings of the third level."""
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a text: rows of cells without the head and the ruler; a cell's own `|` is written with a slash."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
            inside = True
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        found[-1].append(cells)
    return [rows[2:] for rows in found]


def codes(text: str) -> list[str]:
    """What stands in single back quotes, outside fenced blocks."""
    return _CODE.findall(_FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Targets of the links of a text, outside code."""
    return _LINK.findall(_CODE.sub("", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """What links can name behind a #, as GitHub makes it of the headings."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found
