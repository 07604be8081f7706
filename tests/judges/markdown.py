"""Reads a report as GitHub's Markdown, with links found in plain text; prints the texts of its code spans as JSON."""

import json
import sys

from markdown_it import MarkdownIt

BLOCKS = {"heading", "paragraph", "bullet_list", "list_item"}
INLINE = {"text", "code_inline", "strong", "softbreak"}


def kind(token):
    return token.type.removesuffix("_open").removesuffix("_close")


def main():
    tokens = MarkdownIt("gfm-like").parse(sys.stdin.read())
    wrong, spans = [], []
    for token in tokens:
        if token.type != "inline":
            if kind(token) not in BLOCKS:
                wrong.append(f"{token.type}: {token.content[:200]!r}")
            continue
        for part in token.children:
            if kind(part) not in INLINE:
                wrong.append(f"{part.type}: {part.content[:200]!r} in {token.content[:200]!r}")
            if part.type == "code_inline":
                spans.append(part.content)
    if not tokens:
        wrong.append("there is nothing")
    if wrong:
        raise SystemExit("\n".join(wrong))
    print(json.dumps(spans))


main()
