# SPDX-License-Identifier: BSD-2-Clause
"""Rounds of measurements to medians, ratios, table and JSON.

Both ratios are the first program's over the second's and smaller is better:
`time` compares wall time per operation, `cpu` the server's CPU time.
"""
import json
from statistics import median


def rates(row):
    out = {"ops_per_s": row["ops"] / row["seconds"],
           "cpu_us": row["server_cpu_us"] / row["ops"]}
    for key in ("p50_us", "p99_us"):
        if key in row:
            out[key] = row[key]
    return out


def summarise(rounds, names):
    """rounds: for each program a list (a round) of lists of rows.  Returns
    the operations in their order, each with medians per program."""
    summary = []
    for at, row in enumerate(rounds[names[0]][0]):
        entry = {"op": row["op"], "ratio": {}}
        for name in names:
            each = [rates(one[at]) for one in rounds[name]]
            entry[name] = {key: median(r[key] for r in each)
                           for key in each[0]}
            entry[name]["rounds"] = each
        if len(names) == 2:
            # Within a round, where the machine was in the same mood.
            pairs = list(zip(entry[names[0]]["rounds"],
                             entry[names[1]]["rounds"]))
            entry["ratio"] = {
                "time": median(other["ops_per_s"] / ours["ops_per_s"]
                               for ours, other in pairs),
                "cpu": median(ours["cpu_us"] / other["cpu_us"]
                              for ours, other in pairs),
            }
        summary.append(entry)
    return summary


def worst(summary):
    """(ratio, operation, which ratio), or None with one program only."""
    return max(((value, entry["op"], which) for entry in summary
                for which, value in entry["ratio"].items()), default=None)


def closing_line(summary):
    line = "bench brick: %d operations" % len(summary)
    found = worst(summary)
    if found:
        line += ", worst ratio %.2f (%s)" % found[:2]
    return line


def table(summary, names):
    latencies = any("p99_us" in entry[names[0]] for entry in summary)
    columns = ["ops/s", "cpu us/op"] + (["p50 us", "p99 us"] if latencies
                                        else [])
    head = [["operation"], [""]]
    for name in names:
        head[0] += [name] + [""] * (len(columns) - 1)
        head[1] += columns
    if len(names) == 2:
        head[0] += ["ratio", ""]
        head[1] += ["time", "cpu"]
    found = worst(summary)
    rows = []
    for entry in summary:
        row = [entry["op"]]
        for name in names:
            m = entry[name]
            row += ["%.0f" % m["ops_per_s"], "%.2f" % m["cpu_us"]]
            if latencies:
                row += ["%.0f" % m[key] if key in m else "-"
                        for key in ("p50_us", "p99_us")]
        for which, value in entry["ratio"].items():
            mark = "*" if found == (value, entry["op"], which) else " "
            row.append("%.2f%s" % (value, mark))
        rows.append(row)
    return align(head + rows)


def align(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width)
                  for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_json(summary, programs, settings):
    found = worst(summary)
    return json.dumps({
        "programs": programs,
        "settings": settings,
        "operations": summary,
        "worst": {"ratio": found[0], "op": found[1], "which": found[2]}
        if found else None,
    }, indent=2)
