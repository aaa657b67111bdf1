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
    x = x if ((x := pow(square, (P + 3) // 8, P)) ** 2 - square) % P == 0 else x * ROOT % P
    need(y < P and (x * x - square) % P == 0 and x >= sign, "a key is no point of the curve")
    return (x := x if x % 2 == sign else P - x), y, 1, x * y % P
def add(p, q):  # 5.1.4
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(n, p): return add(p, times(n // 2, add(p, p))) if n % 2 else times(n // 2, add(p, p)) if n else (0, 1, 1, 0)
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
    return need(base64.b64encode(data := base64.b64decode(text)).decode() == text and len(data) == size, "no base64") or data
def lines(path):
    with open(path, "rb") as file: yield from iter(lambda: file.readline(2**26 + 1), b"")
def depth(v): return 1 + max(map(depth, v.values() if type(v) is dict else v if type(v) is list else ()), default=0)
def read(line):
    value = json.loads(line, parse_constant=lambda text: need(False, text + " is no JSON"))
    need(canonical(value).encode() + b"\n" == line and depth(value) <= 64, "it is not in canonical form, cut, or too deep")
    return value
CONTENT = "revision at actor action subject reason before after".split()
PARTS = {"header": 11, "entry": 12, "withheld": 4, "checkpoint": 2, "anchor": 8, "row": 4, "seal": 2}
TABLES = {"adoption": ("feed[.](adopt|enable|change|retire)", ""),  # the actions whose newest entry on a subject tells
    "feed": ("feed[.](update|hold)", "version digest names"), "lifting": ("(exception|suspension)[.](add|end)", ""),
    "order": ("(?s)order[.].*", ""), "page": ("page[.]record", "digest facts")}  # its row, and the parts that are it
class Walk:
    at, key, point, stage, size, start, salted, vouched, sealed = (0, "0" * 64), "", (), 0, 0, 0, False, False, False
    def __init__(self, lines, trusted, keep=False):
        self.trusted, self.keys, self.keep, self.sum = trusted, {sha(key)[:16]: key for key in trusted}, keep, hashlib.sha256()
        self.head, self.sums, self.told, self.seen, self.signers, self.faults = {}, {}, {}, {}, {}, []
        self.uses, self.counts, self.notes = collections.defaultdict(set), collections.Counter(), collections.Counter()
        for number, line in itertools.takewhile(lambda _: len(self.faults) < 100, enumerate(lines, 1)):
            try: self.take(line)
            except Exception as why: self.faults.append("line %d: %s" % (number, str(why) or "it is malformed"))
            self.size, _ = self.size + len(line), self.sum.update(line)
    def take(self, line):
        r = read(line)
        stage = {"header": 1, "row": 3 + list(TABLES).index(r.get("table", "page")) / 9, "seal": 4}.get(r["kind"], 2)
        need(len(r) == PARTS.get(r["kind"]) and type(r.get("sequence", 0)) is int, "it is damaged, or of no known form: %.99s" % r)
        need(self.stage <= stage and self.stage < 4 and (stage == 1) == (self.stage == 0), "it is out of place")
        self.stage, self.counts[r["kind"]] = stage, self.counts[r["kind"]] + 1
        getattr(self, r["kind"].replace("withheld", "entry"))(r, line)
    def signed(self, kind, value):
        key, text = self.keys.get(value["key_id"]), "filterd %s v1\n%s" % (kind, canonical(value["body"]))
        need(key and len(value) == 3 and signed_by(key, raw(value["signature"], 64), text.encode()), "its signature or key is wrong")
        self.vouched = self.vouched or (key in self.trusted and (kind == "checkpoint" or not self.point))
        return value["body"], value["key_id"]
    def header(self, r, line):
        self.head, self.start, self.at = r, int(str(r["after"]["sequence"])), (r["after"]["sequence"], r["after"]["hash"])
        self.keys.update((sha(key)[:16], key) for key in (raw(each["public_key"], 32) for each in r["keys"]))
        self.sums, wanted = {each: [0, hashlib.sha256()] for each in r["tables"]}, ["order"] if r["order"] else list(TABLES)
        good = r["format"] == "filterd export v1" and r["tables"] in ([], wanted) and r["made_at"] + r["filterd"] > ""
        need(good and (not r["tables"] if self.start > 0 else self.at == (0, "0" * 64)), "it is of another format or beginning")
    def entry(self, r, line):
        (last, before), old, self.at = self.at, self.salted, (r["sequence"], r["hash"])
        shown, text = r["kind"] == "entry", canonical({each: r[each] for each in CONTENT * (r["kind"] == "entry")})
        content = sha(r["salt"] + "\n" + text) if shown and r["salt"] else "" if shown else r["content"] + ""
        own = sha("2\n%s\n%s" % (before, content)) if content else sha(before + "\n" + text) if shown else r["hash"]
        self.notes["withheld" if content else "withheld, and bound by checkpoints alone; what is before them by nothing"] += not shown
        self.salted = old or bool(content)
        for table in self.sums if shown and "order:" + self.head["order"] in ("order:", r["subject"]) else ():
            after, key, (actions, names) = r["after"] or {}, (table, r["subject"]), TABLES[table]
            row = sha(canonical({each: after.get(each) for each in names.split()} if names else after))
            if re.fullmatch(actions, r["action"]) and (table != "order" or "row_digest" in after):
                self.told[key] = [str(after["row_digest"]) if table == "order" else row, True, after.get("confidential") is True]
            elif (table, r["action"], after.get("state")) == ("feed", "feed.retire", "retired"): self.told.get(key, [0, 0])[1] = 0
        need(r["sequence"] == last + 1 and (not shown or (type(r["at"]), type(r["revision"])) == (float, int)), "it does not follow %d" % last)
        need(len(self.told) <= 5000000 and (self.point or last != self.start or not last), "a part of the trail must begin with a checkpoint")
        need(r["hash"] == own and (content or not (old or self.point)), "its hash is not that of what stands before it and in it")
        self.seen.update({"entry %d" % r["sequence"]: own} if self.keep else {})
        if shown and r["action"] == "key.sign": self.uses[r["after"]["key_id"]].add(r["after"]["purpose"])
    def checkpoint(self, r, line):
        (b, key), text, old = self.signed("checkpoint", r["object"]), canonical(r["object"]), self.key
        (last, digest, _), first = self.point or (0, "0" * 64, ""), self.start == self.at[0] > 0 and not self.point
        self.point, self.key, lost = (b["number"], sha(text), text), key, b.get("lost", {"number": 0})["number"]
        self.notes["checkpoints up to %d, lost by a restore" % lost] += lost > 0
        self.uses[key].update(["checkpoint"] * first)  # what announced its key stands before the part
        for each in b["keys"]:
            need(sha(raw(each["public_key"], 32))[:16] == each["key_id"] and len(each) == 4, "it has a key under a false id")
            self.uses[each["key_id"]].add(each["purpose"])
            self.key = each["key_id"] if (each["how"], each["purpose"]) == ("rotated", "checkpoint") else self.key
        need(self.uses[key] == {"checkpoint"}, "the trail does not announce its key for checkpoints alone")
        need(first or (b["number"], b["previous"]) == (max(last, lost) + 1, digest), "it follows another one")
        parts = (b["installation"], b["key_id"], len(b), {type(b["number"]), type(b["sequence"]), type(b["revision"])})
        need(parts == (self.head["installation"], key, 10 + ("lost" in b), {int}), "it is of another installation or form")
        need((b["sequence"], b["hash"]) == self.at and (first or self.salted), "it covers another entry than stands before it")
        need(old in ("", key) or self.keys[key] in self.trusted and key not in self.signers, "its key was not announced, or replaced")
        self.signers[key], self.seen["checkpoint %d" % b["number"]] = self.keys[key], sha(text)
    def anchor(self, r, line):
        need(canonical(self.point[:2]) == canonical([r["checkpoint"], r["digest"]]), "it is not on the checkpoint before it")
        if r["type"] == "rfc3161": return self.notes.update(["time stamps, to be verified with: openssl ts -verify"])
        holds = signed_by(raw(r["public_key"], 32), raw(r["proof"], 64), self.point[2].encode())
        need(holds and r["type"] == "countersign", "the countersignature is wrong")
    def row(self, r, line):
        row, total, key = r["row"], self.sums[r["table"]], (r["table"], r["subject"])
        (digest, _, secret), total[0], _ = self.told.pop(key, [False] * 3), total[0] + 1, total[1].update(line)
        self.notes["confidential orders whose row is not shown"] += (hidden := secret and type(row) is str and row > "")
        need((row if hidden else sha(canonical(row))) == digest, "it is not what the trail says, or here twice")
    def seal(self, r, line):
        (b, key), _ = self.signed("export", r["object"]), self.counts.pop("seal")
        tables = {table: {"rows": rows, "sha256": each.hexdigest()} for table, (rows, each) in self.sums.items()}
        end = {"installation": self.head["installation"], "sequence": self.at[0], "hash": self.at[1], "tables": tables}
        end.update({"bytes": self.size, "sha256": self.sum.hexdigest(), "records": self.counts})
        need(canonical(b) == canonical(end), "the bytes, records, tables or end before it are not those that were sealed")
        need(self.key in ("", key), "another key signed it than the one in use")
        self.sealed = not need(all(self.uses[n] <= {"checkpoint"} for n in [*self.signers, key]), "its key has another use")
def kept(path, trusted):  # what the file is, the entry up to which it goes, and what it has
    first, *more = itertools.islice(lines(path), 2)
    if first.startswith(b'{"after":'):
        walk = Walk(lines(path), trusted, True)
        return need(walk.sealed and walk.vouched, "its seal is wrong") or ("export", walk.at[0], walk.seen)
    r, kind = read(first.rstrip(b"\n") + b"\n"), "statement" if b'"head":' in first else "checkpoint"
    body, _ = need(not more, "something stands behind it") or Walk([], trusted).signed(kind, r)
    head = body.get("head") or dict(body, checkpoint=body["number"], digest=sha(canonical(r)))
    return kind, head["sequence"], {"entry %(sequence)d" % head: head["hash"], "checkpoint %(checkpoint)d" % head: head["digest"]}
def main(export, pem, earlier=None):
    found = re.findall("(?:#([^\n]*)\\s+)?-----BEGIN PUBLIC KEY-----(.+?)-----END", b"".join(lines(pem)).decode(), re.S)
    found = [each.split() for use, each in found if use.split()[:1] in ([], ["checkpoint"])]  # not those of receipts
    walk = Walk(lines(export), [base64.b64decode("".join(each))[-32:] for each in found], earlier)
    try: what, end, then = kept(earlier, walk.trusted + [*walk.signers.values()] * walk.vouched) if earlier else ("", 0, {})
    except Exception as why: need(False, "%s is no export, checkpoint or statement to rely on: %s" % (earlier, why))
    both, head, faults = sorted(then.keys() & walk.seen.keys()), walk.head, walk.faults
    walk.notes["entries and checkpoints compared with the %s that was kept, up to entry %d" % (what, end)] = len(both)
    faults += ["a fork: another %s was kept from before" % each for each in both if then[each] != walk.seen[each]][:100]
    faults += ["the row %s %s is missing" % each for each, told in walk.told.items() if told[0] and told[1]][:100]
    faults += ["its end is missing, or not as it says"] * (walk.stage < 4 or walk.at != (head.get("sequence"), head.get("hash")))
    faults += ["no key of %s vouches for it" % pem] * (not walk.vouched)
    faults += ["it is older than the %s that was kept, or has nothing of it" % what] * (end > int(str(walk.at[0])) or what > "" and not both)
    end = "entry %s, hash %s, checkpoint %s: " % (*walk.at, walk.point[:1]) + ("FAULTS" if faults else "no fault found")
    for each in [*faults, *("%d: %s" % (n, what) for what, n in walk.notes.items() if n), end]: print(ascii(each[:300])[1:-1])
    return 1 if faults else 0
if __name__ == "__main__":
    try: sys.exit(main(*sys.argv[1:]))
    except (OSError, TypeError, ValueError) as error: sys.exit((print(__doc__, error, sep="\n"), 2)[1])
