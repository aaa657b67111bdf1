"""Compares the range and the moment that a manifest states with the record. Plain Python 3.8+.

It is a part of recompute-report.py.
"""

import calendar
import datetime
import time


def place_of(zone):
    """A zone, where this Python knows it; else None."""
    try:
        import zoneinfo

        return zoneinfo.ZoneInfo(zone)
    except Exception:  # Python 3.8, or no table of zones
        return None


def day_of(at, zone):
    """The day of a moment in a zone, where this Python knows it; else in UTC."""
    place = place_of(zone) or datetime.timezone.utc
    return datetime.datetime.fromtimestamp(at, place).date().isoformat()


def of_bounds(body, head, moments, newest):
    """The faults of the range and moment that a manifest states, beside the head of the record, and what to
    say of them. ``moments``: of the archive's files; ``newest``: gives the newest entry before a moment."""
    place, shared = place_of(head["zone"]), ("installation", "provider", "country", "zone")
    faults = [
        "record/head.json: its %s is another than that of the manifest" % each
        for each in shared
        if head[each] != body[each]
    ]
    begins, ends = midnight(body["scope"]["from"], place, 0), midnight(body["scope"]["to"], place, 1)
    slack = 0 if place else 86400
    off = max(abs(head["begins_at"] - begins), abs(head["ends_at"] - ends))
    if off > slack or head["begins_on"] != body["scope"]["from"]:
        faults.append("record/head.json: it is of another range than the manifest")
    made = calendar.timegm(time.strptime(body["made_at"], "%Y-%m-%dT%H:%M:%SZ"))
    if moments != {made}:
        faults.append("manifest.json: it was made at another moment than the archive")
    if not made <= head["made_at"] <= made + 86400:
        faults.append("record/head.json: it was not made when the pack was")
    if head["audit_sequence"] < newest(made):
        faults.append("record/head.json: entry %d is older than the pack, and not in it" % newest(made))
    if place is None and place_of("America/Mexico_City") is not None:
        faults.append("record/head.json: there is no zone %s" % head["zone"])
    note = "note: this Python does not know the zone %s: days are of UTC" % head["zone"]
    return faults, [] if place else [note]


def midnight(day, place, later):
    """The moment at which a day begins, or a later one."""
    begins = datetime.date(*map(int, day.split("-"))) + datetime.timedelta(days=later)
    zone = place or datetime.timezone.utc
    return datetime.datetime.combine(begins, datetime.time(), zone).timestamp()
