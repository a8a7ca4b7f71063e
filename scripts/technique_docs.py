#!/usr/bin/env python3
"""Keeps docs/techniques.md with the table of techniques that the program has.

    scripts/technique_docs.py PROGRAM               writes the page's table anew
    scripts/technique_docs.py PROGRAM --pictures    draws its pictures anew, or only those of --only KEY
    scripts/technique_docs.py PROGRAM --check       says what is out of date, and fails

The table stands between two marks. To each technique belong a section "### `key`", which names its source, and a row of the table
of what is like it elsewhere. A picture's text is the command that
draws it: ![murmur preview --set dropout=0.5](images/techniques/dropout.png).
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys

BEGIN, END = "<!-- table: scripts/technique_docs.py -->", "<!-- end of the table -->"
PICTURE = re.compile(r"^!\[murmur (preview [^\]]*)\]\(images/techniques/(\w+)\.png\)$", re.MULTILINE)
HEADING = re.compile(r"^### `(\w+)`$", re.MULTILINE)
ELSEWHERE = "## In torchvision, timm and Keras"
WITHOUT_PICTURE = "update"  # what sets the update itself makes no tensor noisy
MAX_PICTURE_BYTES = 12 * 1024


def techniques(program):
    report = subprocess.run([program, "info", "--json", "-"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(report.stdout)["techniques"]


def number(value):
    return f"{value:g}" if isinstance(value, (int, float)) else value


def table(rows):
    lines = ["| technique | place | values | off | |", "|-|-|-|-|-|"]
    for row in rows:
        values = ", ".join(row["choices"]) if "choices" in row else f"{number(row['low'])} to {number(row['high'])}"
        cells = [f"[`{row['key']}`](#{row['key']})", row["place"], values, number(row["off"]), row["help"].replace("|", "\\|")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_table(text, rows):
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}"


def sections(text):
    """{key: what stands under its heading}"""
    parts = HEADING.split(text)
    return dict(zip(parts[1::2], parts[2::2]))


def complaints(page, text, rows):
    if with_table(text, rows) != text:
        yield f"{page}: expected the table that the program has, got another; run scripts/technique_docs.py PROGRAM"
    found = sections(text)
    keys = [row["key"] for row in rows]
    for key in found:
        if key not in keys:
            yield f"{page}: expected sections of techniques, got '{key}'"
    for row in rows:
        key = row["key"]
        if key not in found:
            yield f"{page}: expected a section '### `{key}`', got none"
        elif "Source: " not in found[key]:
            yield f"{page}: expected 'Source: ...' in the section of {key}, got none"
        elif row["place"] != WITHOUT_PICTURE and [name for _, name in PICTURE.findall(found[key])] != [key]:
            yield f"{page}: expected the picture images/techniques/{key}.png with its command in the section of {key}"
        elsewhere = text.partition(ELSEWHERE)[2].partition("\n## ")[0]
        if f"| [`{key}`](#{key}) |" not in elsewhere:
            yield f"{page}: expected a row of {key} under '{ELSEWHERE}', got none"
    for _, name in PICTURE.findall(text):
        picture = page.parent / "images" / "techniques" / f"{name}.png"
        if not picture.exists():
            yield f"{picture}: expected a picture, got none; run scripts/technique_docs.py PROGRAM --pictures"
        elif picture.stat().st_size > MAX_PICTURE_BYTES:
            yield f"{picture}: expected at most {MAX_PICTURE_BYTES} bytes, got {picture.stat().st_size}"


def draw(program, page, text, only):
    folder = page.parent / "images" / "techniques"
    folder.mkdir(parents=True, exist_ok=True)
    for command, name in PICTURE.findall(text):
        if only in (None, name):
            subprocess.run([program, *shlex.split(command), "--output", str(folder / f"{name}.png")], check=True)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", metavar="PROGRAM", help="build/release/app/murmur")
    parser.add_argument("--pictures", action="store_true", help="draw the pictures")
    parser.add_argument("--only", metavar="KEY", help="the picture of one technique")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--page", type=pathlib.Path, default=root / "docs" / "techniques.md", help="another page")
    arguments = parser.parse_args()
    text = arguments.page.read_text(encoding="utf-8")
    if arguments.pictures:
        return draw(arguments.program, arguments.page, text, arguments.only)
    rows = techniques(arguments.program)
    if not arguments.check:
        text = with_table(text, rows)
        arguments.page.write_text(text, encoding="utf-8")
    found = list(complaints(arguments.page, text, rows))
    print("\n".join(found) or f"{arguments.page.name}: {len(rows)} techniques")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
