# SPDX-License-Identifier: BSD-2-Clause
"""Rounds of the allocators' measurements to medians, ratios and tables.

A ratio is ours over the other's, the median of the rounds' own ratios; below 1
is better.  `fastest` is the largest of them.
"""
import json
from statistics import median

from mem_run import OURS, OURS_POOL

GOAL_SCENARIOS = ("replay", "replay-first", "producer", "larson")
GOAL_SLOWER = {"glibc": 1.0, "jemalloc": 1.0}
GOAL_FASTEST = 1.15
RSS = ("peak_kib", "end_kib")


class Results:
    """rows[scenario, threads][contender] is a list, a round each."""

    def __init__(self):
        self.rows = {}

    def add(self, scenario, threads, contender, row):
        self.rows.setdefault((scenario, threads), {}) \
            .setdefault(contender, []).append(row)


def ratio(ours, other, metric):
    """Within a round, where the machine was in the same mood."""
    return median(a[metric] / b[metric] for a, b in zip(ours, other))


def summarise(results, metric):
    """One entry for each scenario, number of threads and API of ours."""
    out = []
    for (scenario, threads), by in results.rows.items():
        others = [name for name in by if name not in (OURS, OURS_POOL)]
        for ours in (OURS, OURS_POOL):
            if ours not in by and (others == [] or OURS in by):
                continue
            if ours not in by and ours == OURS_POOL:
                continue
            names = ([ours] if ours in by else []) + others
            entry = {"scenario": scenario, "threads": threads,
                     "api": "pool" if ours == OURS_POOL else "typed",
                     "contenders": {}, "ratio": {}}
            if scenario.startswith("replay"):
                entry["api"] = "as recorded"
            for name in names:
                values = [row[metric] for row in by[name]]
                entry["contenders"][name] = {
                    "median": median(values), "min": min(values),
                    "rounds": by[name]}
            if ours in by:
                entry["ratio"] = {name: ratio(by[ours], by[name], metric)
                                  for name in others}
            entry["ours"] = ours
            entry["misses"] = misses(entry)
            out.append(entry)
    return out


def misses(entry):
    """Which of the goals a row is for is not reached."""
    if entry["scenario"] not in GOAL_SCENARIOS or not entry["ratio"]:
        return []
    found = [name for name, most in GOAL_SLOWER.items()
             if entry["ratio"].get(name, 0) > most]
    if max(entry["ratio"].values()) > GOAL_FASTEST:
        found.append("fastest")
    return found


def align(rows, left=1):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(w) if i < left else cell.rjust(w)
                 for i, (cell, w) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def time_table(summary, names):
    others = [name for name in names if name not in (OURS, OURS_POOL)]
    shown = ["ours"] + others
    rows = [["scenario", "thr", "api"] + shown +
            ["/" + name for name in others if name in GOAL_SLOWER] +
            ["/fastest", ""]]
    for entry in summary:
        row = [entry["scenario"], str(entry["threads"]), entry["api"]]
        for name in shown:
            m = entry["contenders"].get(entry["ours"] if name == "ours"
                                        else name)
            row.append("%.1f (%.1f)" % (m["median"], m["min"]) if m else "-")
        for name in others:
            if name in GOAL_SLOWER:
                value = entry["ratio"].get(name)
                row.append("%.2f" % value if value else "-")
        row.append("%.2f" % max(entry["ratio"].values())
                   if entry["ratio"] else "-")
        row.append("*" if entry["misses"] else "")
        rows.append(row)
    return align(rows, 3)


def rss(entry, name, key):
    """Above what the program had before the replay, in KiB."""
    return median(row[key] - row["base_kib"]
                  for row in entry["contenders"][name]["rounds"])


def rss_entries(summary):
    """The replay that writes to whole blocks is the one whose pages count."""
    return [entry for entry in summary if entry["scenario"] == "replay"]


def rss_misses(summary):
    return [entry for entry in rss_entries(summary)
            if OURS in entry["contenders"] and
            "jemalloc" in entry["contenders"] and
            rss(entry, OURS, "peak_kib") > rss(entry, "jemalloc", "peak_kib")]


def rss_table(summary, names):
    names = [name for name in names if name != OURS_POOL]
    rows = [["peak (at the end), KiB", "thr"] + names + ["live", ""]]
    missed = rss_misses(summary)
    for entry in rss_entries(summary):
        row = [entry["scenario"], str(entry["threads"])]
        for name in names:
            row.append("%d (%d)" % tuple(rss(entry, name, key) for key in RSS)
                       if name in entry["contenders"] else "-")
        first = next(iter(entry["contenders"].values()))["rounds"][0]
        rows.append(row + [str(first["live_kib"]),
                           "*" if entry in missed else ""])
    return align(rows) if len(rows) > 1 else ""


def closing_line(summary):
    goals = [e for e in summary if e["scenario"] in GOAL_SCENARIOS and
             e["ratio"]]
    missed = [e for e in goals if e["misses"]]
    line = "bench mem: %d measurements, %d of %d goals for time missed" % (
        len(summary), len(missed), len(goals))
    if rss_entries(summary):
        line += ", %d of %d for memory" % (len(rss_misses(summary)),
                                           len(rss_entries(summary)))
    return line


def as_json(summary, settings):
    return json.dumps({"settings": settings, "measurements": summary},
                      indent=2)
