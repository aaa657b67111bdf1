"""The part of docs/policies.md on feeds: entries, arrival, signatures, guard, formats."""

# ruff: noqa: E501 - the long lines are the page's own text

FEEDS = r"""## Feeds

```yaml
- id: gambling-full                  # letters, digits, hyphens
  source: /var/lib/lists/gambling.xz # absolute, below this directory, or https://
  format: domains                    # see Formats
  category: gambling                 # exactly one of category, mandatory, security, bypass
  scope: subtree                     # default: that of the format
  refresh: 6h                        # default 1d; what is fetched: up to a tenth earlier, by chance
  stale_after: 3d                    # default 7d: the age of the last good reading that alarms
  observe: true                      # count what it would meet, block nothing
  guard: {min_names: 1000, max_shrink: 0.3, max_grow: 2}
- id: adopted
  source: /var/lib/lists/adopted.txt
  format: domains
  mandatory:
    {authority: interpol, ground: adopted-list, blocking_mode: nxdomain, confidential: true}
- id: own-security
  source: lists/malware.txt
  format: hosts
  security: {}
```

A category may have any number of feeds. A mandatory feed blocks for every line; a security feed
only while `security.enabled` is set. A category or security feed with `observe: true` is read and
compiled like any other, and blocks nothing; `filterd_feed_observed_total` counts the queries for
its names ([Operations](operations.md#a-new-feed-is-observed-first)).

With its first reading a feed is *adopted*: the store keeps its definition, and the feed stays in
force until it is retired ([Operations](operations.md#taking-a-feed-out-of-force)). An entry may
change `source`, `format`, `refresh`, `guard` and the other terms of `mandatory`, may widen `scope`
to `subtree`, and may make a feed mandatory; control reads the list anew at once. An entry that is
gone, gives the feed another use or category, makes a confidential list public, narrows its scope,
makes a feed that blocks an observed one, or names another key for a signed mandatory feed changes
nothing: the adopted definition and the last good version stay in force, and control alarms.

### From the network

```yaml
- id: gambling-fetched
  source: https://lists.example/gambling.txt.gz
  mirrors: [https://mirror.example/gambling.txt.gz]
  pins: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]
  format: domains
  category: gambling
  ca: authority.pem
  login: {header: {name: Authorization, value_file: credential:gambling-token}}
```

| Key | Meaning |
| --- | --- |
| `source` | `https://` only, without a password in it. Redirects are followed to https only, five at most, never from a public address to a private one, and without the login where they lead to another server |
| `mirrors` | asked in order where the source fails, or where what it gives is not proven; they need `pins` or `signature` |
| `pins` | SHA-256 of the public keys of servers that are believed, in base64; the certificate must be valid too. Compared before anything is sent |
| `ca` | a PEM file, relative to the policies directory, of the authorities of these servers; default: `feeds.ca`, else the system's authorities |
| `login` | one of `header: {name, value_file}`, `basic: {user, password_file}`, `certificate: {file, key_file}` |

The pin of a server:

```sh
openssl s_client -connect lists.example:443 </dev/null | openssl x509 -pubkey -noout |
    openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
```

A secret is a file: `/path`, a path relative to the policies directory, or `credential:NAME`, a
credential of systemd (`LoadCredential=NAME:/path` in filterd-control.service). It is read at each
use, so that a new one needs no restart, and stands in no document, command line, log or error text.
A token in the address itself is shown by `feed show` and in the audit trail: prefer `login`.

What arrives, and what it unpacks to, are each stopped at `feeds.largest`. A server has 15 s to
connect, 30 s between two pieces, half an hour for an answer, and must send at least a KiB a second;
the feed has an hour with all its servers. Where trying again makes sense, each address is tried
three times.

Servers are found by `feeds.resolvers`, else by `dns.upstreams`, never by filterd or the machine's
`resolv.conf`: lists arrive while filterd does not answer, and what filterd blocks does not keep its
lists away. With `feeds.proxy` the proxy finds them.

| What a server does | What filterd does |
| --- | --- |
| says that the list is the same (304) | counts it as a success; nothing is sent |
| stalls, sends a byte at a time, breaks off, sends less than announced | refuses it, tries again, then the next mirror |
| does not say how long the list is | refuses it: a list that was cut could not be told |
| sends more than `feeds.largest`, or packed data that unpacks to more | stops there |
| has no list any more (404, 410) | keeps the last good version; after a day the feed is `gone`, with an alarm |
| sends a page, a log-in form, other names | refuses it by its content, its guard or its signature |
| has an expired certificate, another name, another authority, another key | refuses it, and asks nothing |
| leads to http://, round in circles, inside | refuses it |
| says "not modified" of a list that is another | notices within a week, when it fetches the list whole; at once where the list is signed |

### Signed lists

```yaml
- id: adopted-fetched
  source: https://lists.example/adopted.txt
  format: domains
  mandatory: {authority: interpol, ground: adopted-list, confidential: true}
  signature: {public_key: RWRU9GM56sjjTyYdVvVXEFIF72Rmz0Mu+hOpMMtFNtV65uiQPfHtCm4i}
```

A mandatory list from a network is never taken without a signature. Beside a signed list are two
small files, wherever it is read from, a server or a directory:

| File | Content |
| --- | --- |
| `SOURCE.sha256` | the *manifest*: one line as `sha256sum` writes it, with the digest of the file as it stands (packed or not) and its name, which is not compared |
| `SOURCE.sha256.minisig` | minisign's signature of that line (prehashed, as minisign makes them), with `serial:N feed:ID` in the signed comment |

`filterd feed sign FILE --feed ID --serial auto --key KEYFILE` writes both, as `sha256sum` and
`minisign -S -t "serial:N feed:ID"` do. Where the address has a query, the suffix belongs before it.

Before anything of the list is parsed, filterd checks in this order: the signature by the entry's
key; the feed in the comment; the serial, which must be above that of the last list taken, or the
same with the same list; the digest. Serials only grow: they stand in the store and in the ledger,
outlive the feed, and go on with a new key. A restore does not lower them.

The key of a mandatory feed changes by people: name the new one in the entry, then
`filterd feed trust FEED --reason ...`, with `orders.approvals: 2` by two people. Until then the
list is read by the adopted entry (`entry rekeyed`). The keys of other feeds change with their
entries. How two people sign a list that comes unsigned from the body that keeps it:
[Adopted lists](adopted-lists.md).

### The guard

| Key | Default | Keeps out |
| --- | --- | --- |
| `min_names` | 1 | a version with fewer rules |
| `max_shrink` | 0.5 | one that lacks a larger share of the last version's rules |
| `max_grow` | 10 | one that grew by more, as a multiple of the last version's rules |
| `max_exchange` | 0.5 | one in which others took the places of a larger share of the last version's rules |
| `max_week_shrink` | 0.5 | one that is smaller, by a larger share, than the largest of the last week |
| `private_suffixes` | `false` | rules on a hosting service's suffix with all below it (`github.io`), one by one |

A version outside these bounds is held back whole, and the last one stays in force. A rule on a
*popular name* is held back alone. Rules on protected names, and above one with a scope that reaches
it, are refused one by one and counted as skipped. A person decides about what is held back
([Operations](operations.md#what-is-held-back)).

### Formats

| Format | A line | Scope unless the line says |
| --- | --- | --- |
| `domains` | `example.org`; `.example.org` is always a subtree | `subtree` |
| `wildcard` | `*.example.org` or `example.org` | `subtree`: the published lists of this form mean the name too; `scope: below` takes it strictly |
| `hosts` | `0.0.0.0 example.org other.example.org`; the machine's own names (localhost ...) are passed over | `exact` |
| `adblock` | `\|\|example.org^` (the name and all below it), `\|https://example.org^` (the host alone), `\|\|*.example.org^` (only below); `@@` excepts; lines of a hosts file and bare names | `exact`, for hosts lines and bare names; rules say theirs |
| `dnsmasq` | `address=/example.org/#`, `local=/example.org/`, `server=/example.org/`; `/*.example.org/` is only what is below; `server=/example.org/#` excepts | lines say theirs |
| `unbound` | `local-zone: "example.org" always_nxdomain` and the other types that deny; `transparent` excepts; `local-data: "example.org A 0.0.0.0"` is the name alone | lines say theirs |
| `ut1` | an archive (tar or zip) of `CATEGORY/domains`, each a list of names; `part: CATEGORY` reads one, else all are read | `subtree` |

A list may be packed with gzip, xz, zstd, bzip2 or zip (one file in it); content decides, not the
file's ending. What comes out must not exceed `feeds.largest`, nor 200 times the size of the file.

Comments begin with `#` anywhere, or with `!`, `;` or `//` at the start of a line. Upper case, a
final dot, other scripts (made A-labels), a byte order mark and CRLF are taken. A line that can be
no rule is skipped, counted and shown with its number, text and reason, and never costs the others:
URLs and paths, IP addresses, single labels, public suffixes of the ICANN section (a rule on
`com.mx` would block everybody below it), lines that point a name somewhere, names that DNS does not
know. URLs and paths are counted as *not executable by DNS*: their names must not stand for them.

Of an adblock list these options are honoured: `$important`, `$badfilter`, `$denyallow=`, `$all`, and
`$dnsrewrite=` where its answer is an error, empty or `0.0.0.0`. An important exception beats an
important block, that beats an exception, and that beats a block, wherever they stand. A rule under
any other option (`$third-party`, `$dnstype`, `$client` ...) is skipped, since without its condition
it would block more than the list says; so are cosmetic rules, regular expressions and wildcards
inside names. In the other formats the most specific line decides; a dnsmasq or Unbound line that
sends a name elsewhere excepts it from a block above. An exception takes away only what its own list
blocks, in mandatory lists too.

A file that is no list is refused whole, and the last good version stays: an HTML page, a log-in
form, JSON, a PDF, an image or program, an empty file, a packed file inside another. So is a list
whose lines are nearly all of another format, a response policy zone among them.

`filterd feed parse FILE --format F` shows all of it without loading anything, with the number of
lines for each reason (`--part CATEGORY` for an archive).

"""
