"""Verifies an export of filterd's audit trail. Python 3.8 or newer and nothing else: no filterd, no network.
usage: python3 verify-export.py EXPORT PUB.pem [EARLIER]   (EARLIER: an export, checkpoint or statement of before)
It prints each fault with its line. Exit code 0: none; 1: some; 2: no verdict. verify-export.md has the format."""
import base64, collections, hashlib, itertools, json, re, sys

# Ed25519, RFC 8032 section 5.1: points are (X, Y, Z, T), with x = X/Z, y = Y/Z, x*y = T/Z
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
def point(data):  # 5.1.3
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    need(y < P and (x * x - square) % P == 0 and x >= sign, "a key is no point of the curve")
    x = x if x % 2 == sign else P - x
    return x, y, 1, x * y % P
def add(p, q):  # 5.1.4
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(number, p):
    half = times(number // 2, add(p, p)) if number else (0, 1, 1, 0)
    return add(p, half) if number % 2 else half
def signed_by(key, signature, message):  # 5.1.7: [S]B - [h]A is encoded as R
    s, h = int.from_bytes(signature[32:], "little"), hashlib.sha512(signature[:32] + key + message).digest()
    (x, y, z, t), base = point(key), point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    x, y, z, t = add(times(s, base), times(int.from_bytes(h, "little") % Q, (P - x, y, z, P - t)))
    x, y = x * pow(z, P - 2, P) % P, y * pow(z, P - 2, P) % P
    return s < Q and (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]

def need(holds, why):
    if not holds: raise ValueError(why)
def canonical(value): return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
def sha(value): return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()
def raw(text, size):
    data = base64.b64decode(text, validate=True)
    need(len(data) == size and base64.b64encode(data).decode() == text, "a key or signature is no base64")
    return data
def lines(path):
    with open(path, "rb") as file: yield from iter(lambda: file.readline(2**26 + 1), b"")
def read(line):
    value = json.loads(line, parse_constant=lambda text: need(False, text + " is no JSON"))
    need(canonical(value).encode() + b"\n" == line, "it is not in canonical form, or it was cut")
    return value
CONTENT = "revision at actor action subject reason before after".split()
PARTS = {"header": 11, "entry": 12, "withheld": 4, "checkpoint": 2, "anchor": 8, "row": 4, "seal": 2}
TABLES = {  # the actions whose newest entry on a subject tells its row, and the parts of "after" that are the row
    "adoption": ("feed.(adopt|enable|change|retire)", ""), "feed": ("feed.(update|hold)", "version digest names"),
    "lifting": ("(exception|suspension).(add|end)", ""), "order": ("order.*", ""),
    "page": ("page.record", "digest facts")}
class Walk:
    def __init__(self, trusted, then):
        self.trusted, self.keys, self.then, self.head = trusted, {sha(key)[:16]: key for key in trusted}, then, {}
        self.stage, self.at, self.salted, self.told, self.point, self.key = 0, (0, "0" * 64), False, {}, (), ""
        self.vouched, self.counts, self.notes = False, collections.Counter(), collections.Counter()
        self.size, self.sum, self.sums, self.start = 0, hashlib.sha256(), {}, 0
    def take(self, line):
        r = read(line)
        kind, stage = r["kind"], {"header": 1, "row": 3, "seal": 4}.get(r["kind"], 2)
        need(len(r) == PARTS.get(kind), "it is damaged, of no known kind, or has not its parts: %.99s" % r)
        need(self.stage <= stage and self.stage < 4 and (stage == 1) == (self.stage == 0), "it is out of place")
        self.stage, self.counts[kind] = stage, self.counts[kind] + 1
        getattr(self, kind.replace("withheld", "entry"))(r, line)
    def signed(self, kind, value):
        key, text = self.keys.get(value["key_id"]), "filterd %s v1\n%s" % (kind, canonical(value["body"]))
        signature = raw(value["signature"], 64) if key and len(value) == 3 else bytes(64)
        need(key and signed_by(key, signature, text.encode()), "its signature is wrong, or its key not known")
        self.vouched = self.vouched or (key in self.trusted and (kind == "checkpoint" or not self.point))
        return value["body"], value["key_id"]
    def header(self, r, line):
        self.head, self.at, self.start = r, (r["after"]["sequence"], r["after"]["hash"]), r["after"]["sequence"]
        self.keys.update((sha(key)[:16], key) for key in (raw(each["public_key"], 32) for each in r["keys"]))
        self.sums = {table: [0, hashlib.sha256()] for table in r["tables"]}
        wanted = ([], ["order"] if r["order"] else list(TABLES))
        need(r["format"] == "filterd export v1" and r["tables"] in wanted, "it is of another format")
        need(not r["tables"] if self.start else self.at[1] == "0" * 64, "it does not begin where the trail begins")
    def entry(self, r, line):
        (last, before), old, self.at = self.at, self.salted, (r["sequence"], r["hash"])
        shown, text = r["kind"] == "entry", canonical({each: r.get(each) for each in CONTENT})
        content = sha(r["salt"] + "\n" + text) if shown and r["salt"] else r.get("content")
        own = sha("2\n%s\n%s" % (before, content)) if content else sha(before + "\n" + text) if shown else r["hash"]
        self.notes["withheld" if content else "withheld, and bound by checkpoints alone"] += not shown
        self.salted = old or bool(content)
        for table in self.sums if shown and self.head["order"] in ("", r["subject"][6:]) else ():
            after, key, (actions, names) = r["after"] or {}, (table, r["subject"]), TABLES[table]
            row = sha(canonical({each: after.get(each) for each in names.split()} if names else after))
            if re.fullmatch(actions, r["action"]) and (table != "order" or "row_digest" in after):
                self.told[key] = [after.get("row_digest", row), True, after.get("confidential") is True]
            elif (table, r["action"], after.get("state")) == ("feed", "feed.retire", "retired") and key in self.told:
                self.told[key][1] = False
        need(str(r["sequence"]) == str(last + 1) and len(self.told) <= 5000000, "it does not follow entry %d" % last)
        need(self.point or last != self.start or not last, "a part of the trail must begin with a checkpoint")
        need(r["hash"] == own and (content or not old), "its hash is not that of what stands before it and in it")
        need(self.then.get(last + 1, own) == own, "a fork: another entry was kept from before")
    def checkpoint(self, r, line):
        (b, key), text, old = self.signed("checkpoint", r["object"]), canonical(r["object"]), self.key
        (last, digest, _), first = self.point or (0, "0" * 64, ""), self.start == self.at[0] > 0 and not self.point
        self.point, self.key, lost = (b["number"], sha(text), text), key, b.get("lost", {"number": 0})["number"]
        self.notes["checkpoints up to %d, lost by a restore" % lost] += lost > 0
        for each in [each for each in b["keys"] if each["purpose"] == "checkpoint"]:
            self.keys[each["key_id"]] = raw(each["public_key"], 32)
            self.key = each["key_id"] if each["how"] == "rotated" else self.key
        need(first or (b["number"], b["previous"]) == (max(last, lost) + 1, digest), "it follows another one")
        need((b["installation"], b["key_id"]) == (self.head["installation"], key), "it is of another installation")
        need((b["sequence"], b["hash"]) == self.at, "it covers another entry than the one before it")
        need(old in ("", key) or self.keys[key] in self.trusted, "the key before did not announce the one that signs")
        need(self.then.get((b["number"],), sha(text)) == sha(text), "a fork: another checkpoint was kept from before")
    def anchor(self, r, line):
        need(self.point[:2] == (r["checkpoint"], r["digest"]), "it is not on the checkpoint before it")
        if r["type"] == "rfc3161": return self.notes.update(["time stamps, to be verified with: openssl ts -verify"])
        holds = signed_by(raw(r["public_key"], 32), raw(r["proof"], 64), self.point[2].encode())
        need(holds and r["type"] == "countersign", "the countersignature is wrong")
    def row(self, r, line):
        row, total = r["row"], self.sums[r["table"]]
        total[0], _ = total[0] + 1, total[1].update(line)
        digest, _, confidential = self.told.pop((r["table"], r["subject"]), ("", False, False))
        hidden = confidential and isinstance(row, str) and row > ""
        self.notes["confidential orders whose row is not shown"] += hidden
        need((row if hidden else sha(canonical(row))) == digest, "it is not what the trail says, or here twice")
    def seal(self, r, line):
        (b, key), tables = self.signed("export", r["object"]), {}
        for table, (rows, each) in self.sums.items(): tables[table] = {"rows": rows, "sha256": each.hexdigest()}
        del self.counts["seal"]
        need(b == {"bytes": self.size, "sha256": self.sum.hexdigest(), "records": self.counts, "tables": tables,
                   "installation": self.head["installation"], "sequence": self.at[0], "hash": self.at[1]},
             "the bytes, records, tables or the end before it are not those that were sealed")
        need(self.key in ("", key), "another key signed it than the one in use")

def main(export, pem, earlier=None):
    keys, then, faults = re.findall("-----BEGIN PUBLIC KEY-----(.+?)-----END", open(pem).read(), re.S), {}, []
    for r in (read(line.rstrip(b"\n") + b"\n") for line in lines(earlier)) if earlier else ():
        body = r["body"].get("head", r["body"]) if "body" in r else r
        then.update({body["sequence"]: body["hash"]} if {"sequence", "hash"} <= body.keys() else {})
        then.update({(body["number"],): sha(canonical(r))} if "body" in r and "number" in body else {})
    walk = Walk([base64.b64decode("".join(each.split()))[-32:] for each in keys], then)
    for number, line in itertools.takewhile(lambda _: len(faults) < 100, enumerate(lines(export), 1)):
        try: walk.take(line)
        except Exception as why: faults.append("line %d: %s" % (number, str(why) or "it is malformed"))
        walk.size, _ = walk.size + len(line), walk.sum.update(line)
    end, head = max([0] + [each for each in then if type(each) is int]), walk.head
    faults += ["the row %s %s is missing" % each for each, told in walk.told.items() if told[0] and told[1]][:100]
    faults += ["its end is missing"] * (walk.stage < 4) + ["no key of %s vouches for it" % pem] * (not walk.vouched)
    faults += ["it ends elsewhere than it says"] * (walk.at != (head.get("sequence"), head.get("hash")))
    faults += ["it is older than what was kept, which goes to entry %d" % end] * (end > walk.at[0])
    print("\n".join([each[:300] for each in faults] + ["%d: %s" % (n, what) for what, n in walk.notes.items() if n]))
    print("entry %s, hash %s, checkpoint %s:" % (*walk.at, walk.point[:1]), "FAULTS" if faults else "no fault found")
    return 1 if faults else 0
if __name__ == "__main__":
    try: sys.exit(main(*sys.argv[1:]))
    except (OSError, TypeError, ValueError) as error: sys.exit((print(__doc__, error, sep="\n"), 2)[1])
