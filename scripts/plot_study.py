#!/usr/bin/env python3
"""Draws a study as an SVG: every trial's validation accuracy, the best so far, and the baseline.

    scripts/plot_study.py STUDY.db OUTPUT.svg

Needs nothing but Python: a study is an SQLite file with Optuna's tables.
"""

import json
import sqlite3
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 46, 50
COLORS = {"COMPLETE": "#2a78b5", "PRUNED": "#c9c9c9", "FAIL": "#d9534f"}
LABELS = {"COMPLETE": "complete", "PRUNED": "aborted", "FAIL": "diverged"}


def read(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    trials = database.execute(
        "select t.number, t.state, v.value from trials t left join trial_values v using (trial_id)"
        " where t.state in ('COMPLETE', 'PRUNED', 'FAIL') order by t.number"
    ).fetchall()
    attributes = {key: json.loads(value) for key, value in
                  database.execute("select key, value_json from study_user_attributes")}
    return trials, attributes


def draw(trials, attributes):
    baseline = attributes.get("baseline", {}).get("validation_accuracy")
    complete = [value for _, state, value in trials if state == "COMPLETE"]
    if not complete:
        sys.exit("expected a study with at least one complete trial, got none")
    high = max(complete) + 0.01
    low = max(0.0, min(sorted(complete)[len(complete) // 8], baseline or 1.0) - 0.05)

    def x(number):
        return LEFT + (WIDTH - LEFT - RIGHT) * (number + 0.5) / (trials[-1][0] + 1)

    def y(value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - max(value, low)) / (high - low)

    title = f"{attributes.get('model', '?')} on {attributes.get('dataset', '?')}: {len(trials)} trials"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{escape(title)} of {attributes.get("epochs", "?")} epochs</text>']
    for i in range(6):
        value = low + (high - low) * i / 5
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#eee"/>'
                   f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    if baseline is not None:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(baseline):.1f}" y2="{y(baseline):.1f}" stroke="#e08a1e"'
                   f' stroke-dasharray="6 4"/><text x="{WIDTH - RIGHT}" y="{y(baseline) - 5:.1f}" text-anchor="end"'
                   f' fill="#e08a1e">baseline, all off: {baseline:.4f}</text>')
    best, path = None, []
    for number, state, value in trials:
        shown = value if value is not None else low
        out.append(f'<circle cx="{x(number):.1f}" cy="{y(shown):.1f}" r="3.2" fill="{COLORS[state]}"/>')
        if state == "COMPLETE" and (best is None or value > best):
            if best is not None:
                path.append(f"{x(number):.1f},{y(best):.1f}")
            best = value
            path.append(f"{x(number):.1f},{y(best):.1f}")
    path.append(f"{x(trials[-1][0]):.1f},{y(best):.1f}")
    out.append(f'<polyline points="{" ".join(path)}" fill="none" stroke="#173f5f" stroke-width="2"/>')
    legend = LEFT + 360
    for state, label in LABELS.items():
        out.append(f'<circle cx="{legend}" cy="18" r="4" fill="{COLORS[state]}"/><text x="{legend + 8}" y="22">{label}</text>')
        legend += 86
    out.append(f'<line x1="{legend}" x2="{legend + 18}" y1="18" y2="18" stroke="#173f5f" stroke-width="2"/>'
               f'<text x="{legend + 24}" y="22">best so far: {best:.4f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">trial</text>')
    out.append(f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">validation accuracy'
               f' (below {low:.2f}: at the bottom)</text></svg>')
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    trials, attributes = read(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(trials, attributes))


if __name__ == "__main__":
    main()
