"""Plain text out of HTML, roff, POD and reStructuredText: paragraphs, and where sections begin.

A section is a list of paragraphs. What is stripped is markup alone; what is left keeps its words,
and nothing is stemmed or folded, as that is for the engines to do.
"""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

Section = list[str]

_BLOCKS = set("p div li dd dt td th pre tr table ul ol dl h1 h2 h3 h4 h5 h6 br blockquote".split())
_HEADINGS = {"h1", "h2", "h3"}
_UNSEEN = {"script", "style", "head", "nav", "title"}


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = [[]]
        self._words: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        if tag in _BLOCKS:
            self._end()
        if tag in _HEADINGS and self.sections[-1]:
            self.sections.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        if tag in _BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        if paragraph := " ".join("".join(self._words).split()):
            self.sections[-1].append(paragraph)
        self._words.clear()


def html(source: str) -> list[Section]:
    """The text of a page, a section for each heading of the first three levels."""
    parser = _Html()
    parser.feed(source)
    parser.close()
    return parser.sections


# Requests whose arguments are text; after all others the line is no text.
_TEXT_REQUESTS = re.compile(
    r"^[.'](?:SH|SS|TP|B|I|BI|BR|IB|IR|RB|RI|SM|SB|IP|Nm|Sh|Ss|It|Fl|Ar|Pa|Xr|Op)\b ?"
)
_BREAKS = re.compile(r"^[.'](?:SH|SS|TP|IP|PP|P|LP|HP|Sh|Ss|It|Pp|sp|br)\b")
_NAMED = {"em": "-", "en": "-", "hy": "-", "aq": "'", "dq": '"', "lq": '"', "rq": '"', "bu": " "}


def _escape(match: re.Match[str]) -> str:
    name = match.group(1) or match.group(2) or ""
    if re.fullmatch(r"u[0-9A-F]{4,5}", name):
        return chr(int(name[1:], 16))
    return _NAMED.get(name, " ")


def _inline(line: str) -> str:
    line = re.sub(r"\\\".*", "", line)
    line = re.sub(r"\\f(?:\[[^]]*\]|\(..|.)", "", line)
    line = re.sub(r"\\s[+-]?\d", "", line)
    line = re.sub(r"\\(?:\((..)|\[([^]]*)\])", _escape, line)
    line = line.replace("\\-", "-").replace("\\e", "\\").replace("\\&", "").replace("\\(aq", "'")
    return re.sub(r"\\[~ 0|^:%c/,]", " ", line)


def roff(source: str) -> list[Section]:
    """A manual page, which is one section."""
    found: Section = []
    words: list[str] = []

    def end() -> None:
        if paragraph := " ".join(" ".join(words).split()):
            found.append(paragraph)
        words.clear()

    for line in source.splitlines():
        if not line.strip() or _BREAKS.match(line):
            end()
        if line.startswith((".", "'")):
            request = _TEXT_REQUESTS.match(line)
            if not request:
                continue
            line = line[request.end() :].replace('"', "")
        words.append(_inline(line))
    end()
    return [found]


def _paragraphs(source: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", source):
        if text := " ".join(paragraph.split()):
            yield text


def pod(source: str) -> list[Section]:
    """Perl's documentation, a section for each =head1 and =head2."""
    sections: list[Section] = [[]]
    for paragraph in _paragraphs(source):
        if paragraph.startswith(("=head1", "=head2")) and sections[-1]:
            sections.append([])
        paragraph = re.sub(r"^=\w+ ?", "", paragraph)
        for _ in range(3):
            paragraph = re.sub(r"\b[BICFLXSZ]<+ ?([^<>]*?) ?>+", r"\1", paragraph)
        if paragraph := paragraph.replace("E<lt>", "<").replace("E<gt>", ">").strip():
            sections[-1].append(paragraph)
    return sections


def rst(source: str) -> list[Section]:
    """Sources of Sphinx, a section for each underlined heading."""
    sections: list[Section] = [[]]
    for paragraph in re.split(r"\n\s*\n", source):
        lines = paragraph.strip().splitlines()
        if any(re.fullmatch(r"([=\-*~^#\"'])\1{2,}", line) for line in lines) and sections[-1]:
            sections.append([])
        text = " ".join(line for line in lines if not re.fullmatch(r"([=\-*~^#\"'])\1{2,}", line))
        text = re.sub(r"^\.\. (?:[\w-]+::)?", "", text)
        text = re.sub(r":[\w:+-]+:`([^`]*)`", r"\1", text).replace("``", "")
        if text := " ".join(text.split()):
            sections[-1].append(text)
    return sections


BY_FORMAT: dict[str, Callable[[str], list[Section]]] = {
    "html": html,
    "roff": roff,
    "pod": pod,
    "rst": rst,
}
