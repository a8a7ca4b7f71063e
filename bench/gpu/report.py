"""report.md of bench/gpu.sh: every step's outcome, and the predictions beside what was measured."""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def predictions():
    with open(os.path.join(HERE, "predictions.json"), encoding="utf-8") as file:
        return json.load(file)


def measured(results, figure):
    """The value of "STEP.WHAT"; "STEP.ok" is 1 where the step gave what it should and 0 where it did not; else None."""
    for result in results:
        if not figure.startswith(result["step"] + "."):  # a second run has another name
            continue
        what = figure[len(result["step"]) + 1 :]
        if what == "ok" and not result["outcome"].startswith("left out"):
            return int(result["outcome"] == "ok")
        if what in result["figures"]:
            return result["figures"][what]
    return None


def verdict(prediction, value):
    if not isinstance(value, (int, float)):
        return "not measured"
    inside = prediction.get("low", value) <= value <= prediction.get("high", value)
    return "confirmed" if inside else "refuted"


def number(value):
    if isinstance(value, (int, float)):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return "-" if value is None else str(value)


def span(prediction):
    low, high = prediction.get("low"), prediction.get("high")
    if low is not None and high is not None:
        bounds = number(low) if low == high else f"{number(low)} to {number(high)}"
    else:
        bounds = f"at most {number(high)}" if low is None else f"at least {number(low)}"
    return f"{bounds} {prediction.get('unit', '')}".strip()


def judged(head, results):
    """(prediction, value, verdict) of each. Where nothing ran on a GPU, nothing was measured."""
    on_gpu = [r for r in results if r.get("on") == "gpu"] if not head["stub"] else []
    lines = []
    for prediction in predictions()["predictions"]:
        value = measured(on_gpu, prediction["figure"])
        lines.append((prediction, value, verdict(prediction, value)))
    return lines


def text(head, results, minutes):
    lines = [
        "# First light",
        "",
        f"{head['device']}, driver {head['driver']}; {head['commit']}; {head['date']}; at most {minutes:g} minutes.",
    ]
    if head["stub"]:
        lines += ["", "The CUDA libraries were stand-ins, whose kernels do nothing: **no figure here is a measurement.**"]
    elif not any(r.get("on") == "gpu" for r in results):
        lines += ["", "There was no GPU: what can run on a CPU ran, small, and **no prediction was tested.**"]
    lines += ["", "| step | outcome | seconds | figures |", "|-|-|-|-|"]
    for result in results:
        shown = ", ".join(f"{name} {number(value)}" for name, value in list(result["figures"].items())[:6])
        more = len(result["figures"]) - 6
        shown += f", and {more} more" if more > 0 else ""
        lines.append(f"| {result['step']} | {result['outcome']} | {result.get('seconds', '')} | {shown} |")
    rows = judged(head, results)
    counts = {word: sum(v == word for *_, v in rows) for word in ("confirmed", "refuted", "not measured")}
    lines += ["", f"## Predictions: {', '.join(f'{count} {word}' for word, count in counts.items())}", ""]
    lines += [f"Made {predictions()['made']}.", "", "| what | predicted | measured | verdict |", "|-|-|-|-|"]
    for prediction, value, word in rows:
        lines.append(f"| {prediction['what']} | {span(prediction)} | {number(value)} | {word} |")
    return "\n".join(lines) + "\n"


def write(output, head, results, minutes):
    with open(os.path.join(output, "report.md"), "w", encoding="utf-8") as file:
        file.write(text(head, results, minutes))
