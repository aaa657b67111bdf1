"""The documents made from the program itself. A test says when one is stale; UPDATE_DOCS=1 writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from filterd.config import schema_keys
from filterd.config.shipped_files import sums
from monitoring.source import runbooks
from tests.evasion import table
from tests.meta import (
    decisions,
    generated_calls,
    generated_categories,
    generated_doctor,
    generated_night,
    generated_policies,
    generated_sources,
    generated_terms,
    layers,
    log_events,
    pictures,
)
from tests.worlds.markdown import wrapped

NOTE = "<!-- Generated. UPDATE_DOCS=1 make test PYTEST=tests/meta writes it anew. -->\n"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command below, groups left out, with its full name."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from commands(child, f"{path} {name}")


def command_line() -> str:
    """docs/cli.md: the help of every command."""
    from filterd.cli.main import main

    parts = [
        "# The command line\n",
        NOTE,
        "Every command takes `--json`. Exit codes: 0 done, 1 failed, 2 wrong use of the command line or\n"
        "of the configuration. Errors go to standard error and say what to do next. The configuration\n"
        "is `--config`, else the file that `FILTERD_CONFIG` names, else `/etc/filterd/filterd.yaml`.\n",
    ]
    for path, command in commands(main, "filterd"):
        context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```\n")
    return wrapped("\n".join(parts))


def configuration() -> str:
    """docs/configuration.md: every key of the file with its default."""
    from filterd.config.raw import json_schema

    schema = json_schema()
    parts = [
        "# The configuration file\n",
        NOTE,
        "One YAML file. Every key has a default. Unknown keys, and keys without a value (`key:`, `~`,\n"
        "`null`), are errors, and so is a file without any key. A key whose default is *absent* does\n"
        "nothing, or what is said beside it, while it is left out. All errors are reported at once, by\n"
        "`filterd config check`. SIGHUP reads the file again; one that is wrong is refused and the old one\n"
        "keeps serving.\n",
        "How values are written:\n\n"
        "- a size: `256MiB`, `1GiB`, `500MB`, or a number of bytes;\n"
        "- a duration: `30s`, `15m`, `1h30m`, `1d`, `2w`, or a number of seconds;\n"
        '- an address with a port: `"192.0.2.1:53"`, `"[2001:db8::1]:53"`;\n'
        '- an address prefix: `10.0.0.0/8`, `"2001:db8::/32"`, with no bits set beyond its length;\n'
        "- a number in decimal digits: `1000`, neither `1_000` nor `010`;\n"
        "- a path that does not begin with `/` is below the directory of the file;\n"
        "- `clients[].prefix` is the key `prefix` of each entry of the list `clients`.\n\n"
        "No upstream may be one of the resolver's own addresses, and two listeners may not share an\n"
        "address and port.\n",
    ]
    rows: list[str] = []
    for name, value in schema["properties"].items():
        section = schema_keys.section(schema, value)
        if section is None:
            rows.append(_row(name, value, required=False))
            rows += [_row(*each) for each in schema_keys.below(schema, value, name)]
            continue
        parts.append(f"## {name}\n\n{section['description']}\n\n{_HEAD}")
        parts[-1] += "\n".join(_row(*each) for each in schema_keys.keys(schema, section, name)) + "\n"
    parts.append(f"## Paths and lists\n\n{_HEAD}" + "\n".join(rows) + "\n")
    return wrapped("\n".join(parts))


_HEAD = "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"


def _row(key: str, item: dict[str, Any], required: bool) -> str:
    # A written null is an error: such a key is left out.
    absent = "*must be given*" if required else "*absent*"
    default = absent if item.get("default") is None else f"`{json.dumps(item['default'])}`"
    return f"| `{key}` | {schema_keys.form(item)} | {default} | {item.get('description', '')} |"


ALERTS = {
    "filterd_build_info": "more than one `version` among the nodes for longer than an upgrade takes",
    "filterd_ready": "0 for a minute: `/readyz` of the same address says why",
    "filterd_clock_timestamp_seconds": "more than 30 away from the time of the scrape: schedules, pauses and "
    "the ends of orders go by this clock",
    "filterd_queries_total": "the rate falls to a tenth of yesterday's: clients do not reach the node",
    "filterd_verdicts_total": '`verdict="error",reason="not_ready"` grows: the node answers SERVFAIL; '
    '`verdict="block"` doubles within minutes: an order or a list that went too far',
    "filterd_category_blocks_total": "one category doubles after a new list: look for over-blocking",
    "filterd_response_seconds": "the 99th percentile is above 1 s for 5 minutes",
    "filterd_fast_threads": "differs from `dns.threads`: it changes with a restart alone",
    "filterd_fast_datagrams_total": "none; UDP queries, and what is no query",
    "filterd_fast_batches_total": "datagrams by batches near 64 for a minute: the threads are at their limit",
    "filterd_punts_total": "above 1 % of `filterd_fast_datagrams_total` for 10 minutes: upstreams are cut, "
    "silent, or asked over TLS or TCP",
    "filterd_fast_misses_total": "`full` at all: upstreams are slow, or somebody floods with names that "
    "nobody knows; `asked` above half of the datagrams for 10 minutes: the cache is too small",
    "filterd_drops_total": "grows by more than 1 % of the queries: hostile or broken senders",
    "filterd_rate_limited_total": "grows for an hour: one client floods, or many share an address and "
    "`dns.rate_limit.overrides` has to name it",
    "filterd_cache_lookups_total": "`stale` is more than 5 % of the lookups: upstreams do not answer",
    "filterd_answers_too_large_total": "grows: somebody asks for answers that are made to be expensive, or a "
    "name is refused that people need",
    "filterd_ech_stripped_total": "grows where no policy should have ECH taken out: look for `strip_ech` in "
    "`bypass.yaml`",
    "filterd_unrecognised_queries_total": "`ipv6` grows faster than `ipv4`: lines lack their IPv6 "
    "prefixes, and what they chose does not hold there",
    "filterd_fast_sent_early_total": "above a tenth of the datagrams for 10 minutes: queries take the "
    "threads long",
    "filterd_upstream_queries_total": "`servfail`, `refused`, `malformed`, `timeout`, `unreachable` and "
    "`untrusted` together are more than 5 % for 5 minutes; any `untrusted`: a certificate; `wrong_source`, "
    "`wrong_id` or `wrong_question` by the thousand, or `doubted` and `given_up` at all: somebody forges "
    "answers. `tcp`, `without_edns`, `late`, `probe` and `hedge` are no failures",
    "filterd_self_queries_total": "`unanswered` or `crowded_out` is more than 1 % for 5 minutes",
    "filterd_handovers_total": "any growth but `taken`: a restart may have cost queries; see the log",
    "filterd_sessions": "falls by a third within minutes: accounting stopped, or sessions end unheard of",
    "filterd_sessions_ready": "0 for two minutes: see `/readyz`; by `dns.parental_fail` unknown clients get "
    "SERVFAIL meanwhile, or what a line without choices gets",
    "filterd_sessions_lag_seconds": "above 60 where sessions are in use: control is down, and new "
    "sessions are not known",
    "filterd_sessions_resyncs_total": "`malformed` at all: the roles run different versions; `behind` grows "
    "without restarts of control: the resolver is too slow for the changes",
    "filterd_sessions_dropped_total": "any increase: a disk that fails, or somebody writes into "
    "`sessions/live`; see the log of the resolver",
    "filterd_identified_total": "`unknown` doubles within minutes: accounting or its network path is down",
    "filterd_control_connected": "0 for a minute: control is down; DNS goes on, lists stay as they are",
    "filterd_threads_stuck": "1: the resolver is about to be ended and started again; report the fault",
    "filterd_upstream_up": "0 for 5 minutes",
    "filterd_upstream_loops": "1: the upstream, or who is behind it, forwards to this resolver",
    "filterd_upstream_latency_seconds": "above 0.2 for 5 minutes",
    "filterd_upstream_outstanding": "above half of the upstream's `outstanding`",
    "filterd_listen_addresses": "`absent` above 0 for a minute: an interface or an address is gone",
    "filterd_tcp_connections": "above 80 % of `dns.tcp.connections`, or of the files that the system allows",
    "filterd_tcp_connections_ended_total": "`full` or `prefix_full` at all; `made_room`, `incomplete` or "
    "`unread` more than 1 % of the ended ones: somebody holds connections",
    "filterd_tcp_shortages_total": "any increase: raise the limit of open files (`LimitNOFILE=`)",
    "filterd_snapshot_info": "nodes show different digests for 10 minutes",
    "filterd_snapshot_generation": "none; it grows with each order, boundary of a schedule and snapshot",
    "filterd_list_info": "nodes show different digests of one list for 10 minutes; `filterd node history` "
    "says which ran when",
    "filterd_list_names": "0 for a list in use, or other than `filterd_feed_names` for 10 minutes",
    "filterd_list_loaded_timestamp_seconds": "none; the age of the version in force, or of the process",
    "filterd_effective_info": "nodes that follow one store show different digests for 10 minutes",
    "filterd_canary": "0: the list does not block on this node; `filterd canary list`",
    "filterd_canary_last_success_timestamp_seconds": "older than an hour: nobody knows whether it blocks",
    "filterd_notices_total": "`failed` or `dropped` at all: holders were not told; `filterd notice list "
    "--undelivered`",
    "filterd_notices_waiting": "grows for an hour: a receiver of `notices.webhooks` does not take them",
    "filterd_notices_oldest_waiting_timestamp_seconds": "more than an hour ago: `filterd notice list "
    "--undelivered` says why",
    "filterd_orders_unapplied": "above 0 for minutes: `filterd order show` names the nodes that lack it",
    "filterd_orders_unapplied_oldest_seconds": "above 60: an order, or an unblock, is not on every node",
    "filterd_orders_contrary": "above 0: `filterd order show` says which node answered otherwise",
    "filterd_order_arrival_seconds": 'any observation above 1 s (`le="1.0"` and the count differ)',
    "filterd_orders_overdue": "above 0: `filterd order due` says what is late",
    "filterd_order_deadline_seconds": "below 3600 for a kind other than `review`: `filterd order due`",
    "filterd_duty_due": "`request`, `approval`, `emergency_review` above 0: `filterd duty due` says which",
    "filterd_duty_overdue": "above 0: `filterd duty due` names what is late first",
    "filterd_duty_oldest_request_seconds": "above 86400: an authority waits (`filterd duty request list`)",
    "filterd_duty_roster_gap_seconds": "there at all: nobody will be on duty (`filterd duty roster show`)",
    "filterd_register_pulled_timestamp_seconds": "older than two of `registers: pull_every`",
    "filterd_register_pull_failing": "1 for an hour: `filterd register show` says why; all blocks stay",
    "filterd_register_held": "above 0: `filterd register show` says what waits for a person",
    "filterd_register_answers_late": "above 0: the authority waits; `filterd doctor` says why",
    "filterd_register_answers_undelivered": "above 0 for a quarter of an hour: `filterd register answers`",
    "filterd_capacity_declared": "none; compared with `filterd_capacity_used`",
    "filterd_capacity_used": "above 80 % of `filterd_capacity_declared`: once it is full, items are refused",
    "filterd_order_alarms_waiting": "above 0 for a quarter of an hour: `filterd doctor` says why",
    "filterd_order_alarms_total": "`failed` at all: nobody was told; `filterd doctor`",
    "filterd_nodes_drifted": "above 0: `filterd node list` says which, and why",
    "filterd_snapshots_refused_total": "any increase: `filterd snapshot verify`, `filterd snapshot build`",
    "filterd_node_state_damage_total": "any increase: look at the disk of the node",
    "filterd_node_part_ready": "0 for a minute: SERVFAIL for all (mandatory) or for known lines (the others)",
    "filterd_order_enforcement_seconds": 'any observation above 1 s (`le="1.0"` and the count differ)',
    "filterd_node_lines": "differs from the sum of `filterd_subscribers` for 5 minutes",
    "filterd_node_unknown_profiles": "above 0: a profile's file has gone; put it back, or move its lines",
    "filterd_category_unread": "above 0: `filterd feed list` says which lists of it were not read, and why",
    "filterd_feed_held": "1 for days: mend the list at its source, then `filterd feed hold FEED --release`",
    "filterd_exceptions": "above 0 for days: what is to stay belongs into the entry of its list",
    "filterd_parental_suspended": "1: `filterd parental status` says who did it, why, and until when",
    "filterd_overlay_entries": "above 50,000: no snapshot takes them in; the log of control says why",
    "filterd_node_revision_lag_seconds": "above 1 for a minute: the node does not follow the store",
    "filterd_node_other_history": "not 0: another store stands in its place; `filterd node resync`",
    "filterd_node_kept_orders": "not 0: take them in again or confirm their end; `filterd node resync`",
    "filterd_node_changes_not_durable": "not 0: the node's disk is full or failing",
    "filterd_resolver_crashes_total": "any increase: report the fault, with the log",
    "filterd_crash_packets_total": "any increase: the same packets kill other nodes too",
    "filterd_reduced_mode": "1: clients with unusual queries are refused; it ends after ten quiet minutes",
    "filterd_feed_names": "0 for a feed in use, or half of yesterday's",
    "filterd_feed_last_success_timestamp_seconds": "older than twice the feed's `refresh`: it cannot be read",
    "filterd_store_rows_damaged": "not 0: an order or list in the store is not what was decided;"
    " `filterd audit verify` names them",
    "filterd_feed_orphaned": "1: the feed stays in force without its entry; `filterd feed show FEED`",
    "filterd_feed_contributes": "0: nothing comes of the feed; `filterd feed show FEED` says why",
    "filterd_feed_stale": "1: the last good version stays in force; `filterd feed show FEED`",
    "filterd_feed_quarantined": "1: a new version is held back; `filterd feed show FEED`",
    "filterd_feed_observed_total": "far more than such a list should meet: look before it blocks",
    "filterd_feed_holds": "above 0: somebody has to decide; `filterd feed diff FEED`",
    "filterd_orders": "`pending` or `quarantined` above 0 for an hour: somebody has to decide",
    "filterd_order_emergency_reviews": "`overdue` above 0: another person looks; `filterd order review`",
    "filterd_retention_last_success_timestamp_seconds": "more than 3 days ago: see `filterd retention show`",
    "filterd_checkpoint_timestamp_seconds": "older than three times `signing.every` while "
    "`filterd_checkpoint_uncovered_entries` is above 0: control does not sign",
    "filterd_checkpoint_uncovered_entries": "it grows for hours: nothing fixes these entries outside",
    "filterd_checkpoint_refused": "1 at all: the store was set back or altered, or the key cannot be used",
    "filterd_signing_keys_unexplained": "above 0: find out why, then `filterd key accept`",
    "filterd_statement_timestamp_seconds": "more than two days ago: `filterd audit statement --sign`",
    "filterd_anchor_last_success_timestamp_seconds": "older than the anchor's `every` and a day",
    "filterd_anchor_failures": "3 or more: `filterd audit anchors` says why",
    "filterd_anchor_waiting": "it grows while the anchor does not fail: it is due by its `every` alone",
    "filterd_page_differs": "1 for an hour: `filterd page check` says what differs",
    "filterd_page_published_timestamp_seconds": "0 where another web server has the pages: export them",
    "filterd_retention_overdue": "above 0 for an hour: data is kept for longer than it may be",
    "filterd_take_up_last_success_timestamp_seconds": "two days old: reports have no take-up of those days",
    "filterd_mandatory_names_growth": "much above what a month brings: see who added what, "
    "`filterd order list`",
    "filterd_mandatory_growth_beyond": "1: the public page tells it; make sure that you can explain it",
    "filterd_preservation_holds": "above 0: deletion waits for what they name; they end by themselves",
    "filterd_lists_published_behind": "above 0 for long: `filterd feed publish LIST`",
    "filterd_lists_published_timestamp_seconds": "old while `filterd_lists_published_behind` is above 0",
    "filterd_lists_published_barred": "above 0: `filterd feed unpublish LIST --reason WHY`",
    "filterd_list_comparisons": "`ours_behind` or `different` above 0: `filterd feed compare --last`",
    "filterd_reviews_overdue": "above 0: somebody was promised a day, which has passed",
    "filterd_reviews": "it grows: nobody decides, or it is a flood",
    "filterd_arco_requests": '`state="overdue"` above 0: a holder waits for longer than the law allows',
    "filterd_subscribers": "`opted_in` falls by a tenth in a day",
    "filterd_consent_lines": "`repeated` or `none` above 0; `shared` grows: `filterd consent report`",
    "filterd_audit_entries_total": "falls: the store was restored or replaced",
    "filterd_compile_failures_total": "any increase: the log of control says why",
    "filterd_sessions_known": "falls by a tenth in an hour; `unregistered` grows",
    "filterd_sessions_most": "nine tenths of it are there: raise `accounting.sessions`",
    "filterd_sessions_refused_total": "any increase: raise `accounting.sessions`",
    "filterd_accounting_silence_seconds": "above 3,600: see `filterd doctor`",
    "filterd_sessions_confirmed_within_seconds": "above a third of `accounting.stale_after`",
    "filterd_session_records_dropped_total": "any increase without a power cut before it: see the disk "
    "(`dmesg`)",
    "filterd_sessions_complete": "0: the file of sessions was damaged; the log of control says how",
    "filterd_session_changes_total": "`ambiguous` or `lost` grows: clocks of NASes differ, or ends are lost",
    "filterd_accounting_packets_total": "`accepted` stands still, or `bad_authenticator` grows",
    "filterd_session_claims_refused_total": "any increase: `filterd session explain` on a packet says which",
    "filterd_lease_lines_skipped_total": "any increase: the log has the number of the first such line",
    "filterd_accounting_second_secret_total": "stands still: the old secret may go; grows: who has it?",
    "filterd_nas_clocks": "`off` above 0 for 30 minutes: NTP on these NASes; `filterd session explain` shows "
    "the clock of the one that sent a packet",
    "filterd_nas_clock_steps_total": "any increase: a NAS sets its clock by jumps, or its NTP is broken",
    "filterd_accounting_stamped_ahead_total": "grows for more than a minute: two devices say that they are "
    "one NAS, or the clock of one jumps; `filterd session explain` shows the clock",
    "filterd_nas_without_place_total": "any increase: a client of `accounting.radius` makes names of NASes "
    "up, or has too many",
    "filterd_api_requests_total": "`status` from 500 on grows: the log of the web process has the fault; 401 "
    "or 429 from one system for an hour: its token has expired, or it sends too much",
    "filterd_api_response_seconds": "the 99th percentile of `subscribers` is above 0.2 s for 5 minutes",
    "filterd_api_in_flight": "above 50 for a minute: the store is slow, or calls hang",
    "filterd_api_connections": "near `web.api.connections`: idle ones are closed for new ones",
    "filterd_api_imports": "2 for an hour: two is the most at one time; see who imports",
    "filterd_page_requests_total": "`status` from 500 on grows: the log of the web process says which; 403 "
    "grows: somebody tries forms, PINs or codes",
    "filterd_page_connections": "near the `connections` of that listener: idle ones are closed for new ones",
    "filterd_sign_ins_refused_total": "one `way` grows for an hour: somebody tries secrets; each has a limit "
    "(`docs/portal.md`), and nobody's address is kept",
    "filterd_block_page_requests_total": "`general` grows: clients come to an address that several kinds "
    "share, or by a way that hides the address (`docs/block-page.md`)",
    "filterd_block_page_connections": "near `web.block.connections`: idle ones are closed for new ones",
    "filterd_session_followers": "0 for a minute: no resolver follows; lines go stale there",
}
"""metric -> when somebody should look"""


def metrics() -> str:
    """docs/metrics.md: every family of all roles."""
    from filterd.telemetry.api_metrics import ApiMetrics
    from filterd.telemetry.block_metrics import BlockMetrics
    from filterd.telemetry.metrics import (
        ControlMetrics,
        ResolverMetrics,
        block_registry,
        control_registry,
        resolver_registry,
        web_registry,
    )

    roles = {
        "Resolver": resolver_registry(ResolverMetrics),
        "Control": control_registry(ControlMetrics),
        "The API": web_registry(ApiMetrics),
        "The block page": block_registry(BlockMetrics),
    }
    parts = [
        "# Metrics\n",
        NOTE,
        "The resolver serves its metrics on `metrics.listen` (9353), control on `control.listen` (8080),\n"
        "the web process on `web.health` and the block page on `web.block.health`, where these are set,\n"
        "each under `/metrics`, with `/healthz` (the process lives) and `/readyz` (it can do its work).\n"
        "No label holds a name, a line or an address of a client; a confidential list stands under an\n"
        "opaque id. Neither page asks for a password: keep both addresses inside the network.\n",
        "[Alert rules](alerts.md) and dashboards are made of these; the log has [events](log-events.md).\n",
        "The last column suggests when to look; begin with it and change the figures to your own.\n",
    ]
    for role, registry in roles.items():
        head = "| metric | kind | labels | meaning | look when |\n| --- | --- | --- | --- | --- |"
        parts.append(f"## {role}\n\n{head}")
        for family in registry.collect():
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
            name = family.name + suffix
            row = (f"`{name}`", family.type, labels, family.documentation, ALERTS[name])
            parts[-1] += f"\n| {' | '.join(row)} |"
        parts[-1] += "\n"
    return wrapped("\n".join(parts))


def _filled(make: Callable[[str], str]) -> str:
    return wrapped(make(NOTE))


POLICIES = Path(__file__).parents[2] / "policies"
ARCHITECTURE = Path(__file__).parents[2] / "docs/architecture.md"

DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/api-calls.md": generated_calls.api_calls,
    "docs/architecture.md": lambda: layers.page(ARCHITECTURE.read_text()),
    "docs/cli.md": command_line,
    "docs/es/derechos-arco.md": lambda: generated_terms.page(generated_terms.PAGE.read_text()),
    "docs/configuration.md": configuration,
    "docs/decisions/README.md": lambda: decisions.index(NOTE),
    "docs/doctor.md": lambda: generated_doctor.page("en", NOTE),
    "docs/es/abierto-de-noche.md": lambda: generated_night.page(NOTE),
    "docs/es/categorias.md": lambda: generated_categories.page(NOTE),
    "docs/es/doctor.md": lambda: generated_doctor.page("es", NOTE),
    "docs/evasion.md": lambda: table.page(NOTE),
    "docs/log-events.md": lambda: log_events.page(NOTE),
    "docs/metrics.md": metrics,
    "docs/pictures/bench.svg": pictures.bench,
    "docs/pictures/check.svg": pictures.check,
    "docs/policies.md": lambda: generated_policies.page(NOTE),
    "policies/SHA256SUMS": lambda: sums(POLICIES),
    "policies/lists/SOURCES.md": lambda: generated_sources.page(NOTE),
}
DOCUMENTS |= {f"docs/{path}": partial(_filled, make) for path, make in runbooks.pages().items()}
