"""The meaning of each event of the log, and its remedy."""

from __future__ import annotations

NOTHING = "nothing"
REPORT = "report the fault, with the log"

TEXTS: dict[str, tuple[str, str]] = {
    # ---- hand-over ----
    "filterd ends, and its resolver answers until its successor does": (
        "A restart: `filterd serve` ends, and its resolver stays for the next one.",
        NOTHING,
    ),
    "took over from its predecessor": (
        "The listening sockets are passed on, and no query was lost.",
        NOTHING,
    ),
    "the resolver leaves": ("The predecessor has answered all that it had read, and ends.", NOTHING),
    "takes over from its predecessor, though it is less ready": (
        "It waited 20 s for the state of the store, and answers with what its disk has.",
        "`curl -s http://127.0.0.1:9353/readyz` says what is missing",
    ),
    "the predecessor broke off": (
        "It ended, or said something else than was expected; the start goes on without it.",
        "see its own last lines; some queries were lost",
    ),
    "the predecessor ended or was stopped while it handed over; what it had not answered is lost": (
        "It was killed, or ran into a fault, after the sockets were passed on.",
        "see its own last lines",
    ),
    "the predecessor passes nothing on": (
        "Its version hands over in another way, so this is a start without a predecessor.",
        NOTHING,
    ),
    "the successor ended before it was ready": (
        "The predecessor goes on answering, and waits for another one, 30 s in all.",
        "see why the new one ended: `systemctl status filterd-resolver`",
    ),
    "no successor came, and the resolver ends": (
        "Nobody took over for 30 s. **DNS is down.**",
        "`systemctl status filterd-resolver` says why it did not start",
    ),
    "the resolver cannot hand over": (
        "`handover.sock` cannot be made in `state_dir`; it ends as at a stop.",
        "mend `state_dir`; some queries were lost",
    ),
    "the resolver cannot hand over, and filterd ends": (
        "The resolver was stuck or still starting; the restart is a stop and a start.",
        "report it with its log, if it was stuck",
    ),
    "a resolver that was left over does not answer and is ended": (
        "A killed `filterd serve` left a resolver behind that answers nobody.",
        "report it with its log",
    ),
    "a listen address is served as soon as the predecessor has left its port": (
        "The address takes the place of one of the predecessor's that covers it, within seconds.",
        NOTHING,
    ),
    # ---- the web process ----
    "the API is served": ("The web process answers on the address in `listen`.", NOTHING),
    "pages are served": (
        "The web process answers on the address in `listen`; `pages` says which pages.",
        NOTHING,
    ),
    "a page could not be served": (
        "Somebody saw that it does not work at the moment: the store or the policies cannot be used.",
        "the `remedy` of the line, those of the same process around it, and `filterd doctor`",
    ),
    "a page of the web process failed": (
        "A fault of filterd: somebody saw that it does not work at the moment. `reason` is its kind.",
        "report it with the version; nothing of the request is kept",
    ),
    "the API waits for the store, which is tried again": (
        "The store is not there yet, of another version, or cannot be used; `reason` says which.",
        "the `remedy` of the line; control makes it current when it starts",
    ),
    "no listener of the web process is configured": (
        "The web process runs though it has nothing to serve.",
        "set one of `web.api`, `web.portal`, `web.public`, `web.desk`, or disable `filterd-web.service`",
    ),
    "the file of the store was replaced, the web process starts anew": (
        "Another file stands in the store's place, as after a restore.",
        NOTHING,
    ),
    "the web process cannot go on": (
        "An address, certificate or state directory cannot be used. DNS and control go on.",
        "the `remedy` of the line; it is tried again",
    ),
    "a call of the API failed": (
        "A fault of filterd: the caller got status 500. Nothing of the request is in the log.",
        REPORT,
    ),
    # ---- the block page ----
    "the block page is served": ("The block page's process answers on the addresses in `listen`.", NOTHING),
    "the block page is not configured: web.block has no listener": (
        "The block page's process runs though it has nothing to serve.",
        "set `web.block.listen`, or disable `filterd-block.service`",
    ),
    "the block page stays as it was": (
        "Its texts could not be read at a reload; `reason` says why. The pages rendered before are served.",
        "the `remedy` of the line",
    ),
    "the block page cannot go on": (
        "An address, the certificate or a text cannot be used. DNS, control and the API go on.",
        "the `remedy` of the line; it is tried again",
    ),
    # ---- start, end, settings ----
    "resolver serves": ("The resolver answers on the addresses in `listen`.", NOTHING),
    "the resolver begins with a remark": (
        "The resolver serves, with the restriction in `reason`: kept orders, a category without a list that "
        "was read, reduced mode, a cookie secret of this process, or no control.",
        "what `reason` names",
    ),
    "the resolver cannot start": (
        "An address is in use, a key has the wrong size, or another resolver uses `state_dir`.",
        "what `remedy` says; `filterd config check`",
    ),
    "metrics and health pages are not served, and binding is tried again": (
        "Another program has the address of `metrics.listen` or `control.listen`, or no interface has it. "
        "DNS and control go on without the pages.",
        "what `remedy` says; the address is bound within a second of being free",
    ),
    "metrics and health pages are served": ("The address could be bound in the end.", NOTHING),
    "no settings": ("The role was started without its settings.", "start `filterd serve`, not the role"),
    "new configuration passed on": (
        "SIGHUP read a sound file. `remedy` names keys that the file had before and lacks now.",
        "put keys back that went by mistake, and send SIGHUP",
    ),
    "new configuration refused, the old one stays in force": (
        "The file has the errors in `errors`.",
        "mend the file; `filterd config check`; send SIGHUP again",
    ),
    "a setting is dangerous": (
        "The setting is valid, and makes an open resolver or lets strangers say whose line they are.",
        "what `remedy` says, where it is not meant so; `filterd config check` says the same",
    ),
    "new settings in force": (
        "The role works by the new file. `remedy` names settings that wait for a restart.",
        "restart, where `remedy` names any",
    ),
    "new settings are not readable, the old ones stay in force": (
        "The role got settings that it does not understand: the software was replaced under it.",
        "restart",
    ),
    "a role ended and is started again": (
        "Resolver or control (`part`) ended with `status`.",
        "see the line before it; nothing where it ended once",
    ),
    "a role could not be started": ("The system refused another process.", "memory and process limits"),
    "a role cannot start, and filterd ends": (
        "To try again will not help.",
        "the line before it, of the role itself, has the reason",
    ),
    "the role ended by an error": ("A fault that nobody foresaw ended the role.", REPORT),
    "the process failed": ("A fault that nobody foresaw ended the process.", REPORT),
    "a thread failed": ("A fault that nobody foresaw ended a thread.", REPORT),
    "a task failed": ("A fault that nobody foresaw ended a task of the event loop.", REPORT),
    "a turn of the node failed": ("A fault in following the store; the next turn tries again.", REPORT),
    "a page failed": ("A page of `/metrics`, `/healthz` or `/readyz` failed.", REPORT),
    "a library reports trouble": (
        "A library wrote to its log. Its text is not kept, for it may quote data.",
        "report it where it comes again",
    ),
    "others had access to files of filterd": (
        "Files below `state_dir` were readable by others; the rights were taken away.",
        "what `remedy` says: the keys may be known to others",
    ),
    "no commands are taken": (
        "The socket for `filterd cache flush` and `node resync` could not be made.",
        "mend `state_dir`, restart",
    ),
    # ---- crashes ----
    "the resolver died of a fault": (
        "`status` is the signal; `packets` are keyed hashes of the packets that were being handled.",
        "[FilterdResolverCrashed](runbooks/answers.md#filterdresolvercrashed)",
    ),
    "reduced mode begins: plain queries alone, until nothing has gone wrong for a while": (
        "Three deaths by a fault within a minute.",
        "[FilterdReducedMode](runbooks/answers.md#filterdreducedmode)",
    ),
    "reduced mode ends: nothing has gone wrong for a while": (
        "All kinds of queries are taken again.",
        NOTHING,
    ),
    "packets under work cannot be noted": (
        "The crash board could not be made: a packet that kills the resolver cannot be recognised.",
        "memory limits of the unit; restart",
    ),
    "the resolver is stuck and is ended": (
        "No sign of life; the supervisor ends it and starts another.",
        "[FilterdThreadStuck](runbooks/answers.md#filterdthreadstuck)",
    ),
    "a part that answers clients is stuck": (
        "A thread, or TCP (`part`), has not answered self-queries for 5 s.",
        "[FilterdThreadStuck](runbooks/answers.md#filterdthreadstuck)",
    ),
    "a part that was stuck answers again": ("It recovered by itself.", "report it where it comes again"),
    "self-queries do not come through: threads are watched by their turns alone": (
        "A firewall drops loopback traffic to the listen addresses.",
        "let UDP and TCP from the machine to itself pass",
    ),
    # ---- listeners ----
    "no interface has a listen address yet: it is served as soon as one has": (
        "An address of `dns.listen` is on no interface.",
        "[FilterdListenAddressAbsent](runbooks/answers.md#filterdlistenaddressabsent)",
    ),
    "no interface has a listen address any more": (
        "An address of `dns.listen` went away.",
        "[FilterdListenAddressAbsent](runbooks/answers.md#filterdlistenaddressabsent)",
    ),
    "an interface has a listen address now": ("The address is served.", NOTHING),
    "a listen address cannot be served": (
        "The system refuses the address, for the reason given: another program uses it, or a right "
        "is missing.",
        "`ss -lnup`; end the other program",
    ),
    "fewer TCP connections than configured: the system allows too few open files": (
        "`count` connections are possible.",
        "raise `LimitNOFILE=`, or lower `dns.tcp.connections`",
    ),
    # ---- cookies ----
    "the cookie secret was damaged, another one takes its place": ("Clients get new cookies.", NOTHING),
    "the cookie secrets cannot be used, one of this process takes their place": (
        "Clients lose their cookies at each start.",
        "mend the files of `dns.cookies`, send SIGHUP",
    ),
    "the cookie secrets are not readable, the old ones stay": (
        "A reload could not read them.",
        "mend the files of `dns.cookies`, send SIGHUP",
    ),
    "no cookie secret can be kept, clients lose theirs at each start": (
        "`keys/cookie.key` can be neither read nor written.",
        "mend or remove it, send SIGHUP",
    ),
    # ---- upstreams ----
    "an upstream rests": (
        "It showed the trouble in `reason`: it is asked last, and probed.",
        "[FilterdUpstreamDown](runbooks/upstreams.md#filterdupstreamdown)",
    ),
    "an upstream answers again": ("It is used as before.", NOTHING),
    "an upstream leads back to this resolver and is not used": (
        "It forwards to this resolver, or somebody behind it does.",
        "[FilterdUpstreamLoop](runbooks/upstreams.md#filterdupstreamloop)",
    ),
    "an upstream no longer leads back to this resolver": ("It is used again.", NOTHING),
    "an upstream does not keep letter case and is asked in lower case for an hour": (
        "Forged answers are somewhat easier there.",
        "update the upstream",
    ),
    "an upstream knows no EDNS and is asked without for a while": (
        "Large answers of it come over TCP.",
        "update the upstream, or what is before it",
    ),
    "the new upstreams cannot be used, the old ones stay": (
        "A reload named upstreams whose TLS files cannot be read.",
        "mend the files, send SIGHUP",
    ),
    # ---- node ----
    "change log not followed": (
        "The node cannot read the store, or cannot write its disk; `reason` says which.",
        "[FilterdNodeLag](runbooks/node.md#filterdnodelag)",
    ),
    "change log damaged": (
        "Rows of the store cannot be read; the node reads the full state in their place.",
        "`filterd audit verify`",
    ),
    "orders read anew": ("The node read the whole list of orders from the store.", NOTHING),
    "lines read anew": ("The node read all lines from the store.", NOTHING),
    "the history of the store was accepted": (
        "A person, or a restore, said that the store is the right one.",
        "`filterd node resync`, for orders that the node keeps",
    ),
    "the thread that follows the store does not turn": (
        "It hangs at a disk; DNS goes on.",
        "`dmesg`; [FilterdNodeLag](runbooks/node.md#filterdnodelag)",
    ),
    "the start does without the store": (
        "The store cannot be read; DNS serves what the disk holds.",
        "[FilterdNodeLag](runbooks/node.md#filterdnodelag)",
    ),
    "node state damaged": (
        "The part in `part` is read anew from the store.",
        "[FilterdNodeStateDamaged](runbooks/node.md#filterdnodestatedamaged)",
    ),
    "kept orders damaged": (
        "Both copies of the orders that this node alone keeps are damaged.",
        "take the orders in again from their documents: `filterd order add`",
    ),
    "an order has the number of another that is in force: both are kept in force": (
        "Two stores gave out the same number.",
        "`filterd node resync`",
    ),
    "an order in force is pending in the store: it is kept in force as it was": (
        "The store was put back to a time before the approval.",
        "`filterd node resync`; approve the pending one, or withdraw it",
    ),
    "lines have profiles that the snapshot does not know": (
        "`count` profiles are missing.",
        "[FilterdUnknownProfiles](runbooks/node.md#filterdunknownprofiles)",
    ),
    "snapshot in force": ("A new policy snapshot is in force.", NOTHING),
    "snapshot refused": (
        "The file cannot be used, for the reason given; the one in memory stays.",
        "[FilterdSnapshotRefused](runbooks/node.md#filterdsnapshotrefused)",
    ),
    "the policy snapshot is older than the store": (
        "The newest snapshot that the store knows is gone or damaged, and what this node has is older. All"
        " queries get SERVFAIL until control has compiled.",
        "nothing, if control runs; else `filterd snapshot build`",
    ),
    "the policy snapshot went back in time": (
        "`current` names an older snapshot than the newest that the store knows; control takes that one up"
        " again, or compiles another where its file is damaged.",
        "see what put the files back",
    ),
    "the name of the policy snapshot is gone or damaged": (
        "`current` names no snapshot, and the store knows some; control takes up the newest one, or compiles"
        " another where its file is damaged.",
        "see whether the disk fails (`dmesg`), or what removed the file",
    ),
    "changed lines wait until they are followed": (
        "`count` lines changed while the node was down. `dns.parental_fail` holds for them, and for new"
        " lines, until their changes are followed.",
        "nothing",
    ),
    "the snapshot before the start is in force again": (
        "The newest snapshot file cannot be used; the last one of this node serves.",
        "`filterd snapshot verify`; `filterd snapshot build`",
    ),
    "the fingerprint key is another one than at the start, and the resolver starts anew": (
        "`keys/fingerprint.key` was replaced.",
        "put the right one back, where nobody meant to",
    ),
    # ---- sockets ----
    "a socket was missing, and is made anew": (
        "Something removed a socket of `state_dir` while filterd ran. Who was connected stayed so.",
        "see what removes files there (tmpfiles.d, a clean-up script), and let it leave sockets",
    ),
    "a socket cannot be made": (
        "It was removed, or could not be made at the start; commands to this role fail, as `reason` says. "
        "It is tried again each second.",
        "let the service write in `state_dir`",
    ),
    # ---- sessions of the resolver ----
    "control sends no sessions": (
        "Sessions are in use, and control has not been heard for 30 s. Known ones go on until their end; the "
        "lines of new ones are unknown.",
        "see why control does not run: `systemctl status filterd-control`",
    ),
    "control sends sessions again": ("The resolver follows control's stream of sessions as before.", NOTHING),
    "control's stream of sessions is malformed": (
        "The resolver read something else than the stream; it reads all sessions anew, and keeps what it had "
        "meanwhile.",
        "if it goes on: one version of filterd for both roles, and restart them",
    ),
    "the sessions file cannot be read": (
        "At a start without control the resolver cannot tell which lines have which addresses; "
        "`dns.parental_fail` decides for unknown clients.",
        "start control: it sends all sessions; see the disk of `state_dir` (`dmesg`)",
    ),
    "records of the sessions file were dropped": (
        "At a start without control one or two records of `sessions/live` were damaged: `count` lines or so "
        "are unknown until control is heard.",
        "start control: it sends all sessions; without a power cut before it see the disk (`dmesg`)",
    ),
    "the sessions file does not have every session": (
        "At a start without control the file is damaged, gone, or of a control that had lost sessions: "
        "`reason` says which. Its lines are known; `dns.parental_fail` decides for unknown clients.",
        "start control: its sessions are all there again after `accounting.settle`",
    ),
    "sessions ended unheard of": (
        "More than a twentieth of the sessions in the resolver are past their end, and control has not taken "
        "them away. Their lines are unknown.",
        "see whether control runs and gets accounting packets: `filterd session list`",
    ),
    # ---- notices ----
    "notices are not sent": (
        "Control cannot read or write the store, so notices to holders wait. Nothing is lost.",
        "the line names the reason; it is tried again by itself",
    ),
    "a receiver takes no notices": (
        "A receiver of `notices.webhooks` did not answer 2xx: `reason` says what it did. Its notices wait "
        "and are tried again, for `notices.retry_for`.",
        "`filterd notice list --undelivered`",
    ),
    "a receiver takes notices again": ("The receiver answered 2xx.", NOTHING),
    # ---- the trail ----
    "no checkpoint of the audit trail is signed": (
        "The newest checkpoint does not agree with the trail, or the key cannot be used: `reason` says "
        "which.",
        "[FilterdCheckpointRefused](runbooks/trail.md#filterdcheckpointrefused)",
    ),
    "checkpoints of the audit trail are signed again": ("What was in the way is mended.", NOTHING),
    "the statement of the day is not signed": (
        "The public statement could not be made; it is tried again.",
        "the line names the remedy; by hand: `filterd audit statement --sign`",
    ),
    "what nodes report is not recorded": (
        "List switches, availability and probes of nodes do not reach the trail. Their reports are kept.",
        "the line names the remedy; the next report is compared anew",
    ),
    "an anchor takes no checkpoints": (
        "An anchor of `signing.anchors` failed: `reason` says how. It is tried again, at growing intervals.",
        "[FilterdAnchorFails](runbooks/trail.md#filterdanchorfails)",
    ),
    "an anchor takes checkpoints again": ("The anchor has the newest checkpoint.", NOTHING),
    # ---- deadlines of orders ----
    "an order is due soon": (
        "A duty of the order or request `order`, `duty`, comes to its end: the lead of an alarm "
        "has begun. Each is told once.",
        "`filterd duty due`",
    ),
    "an order is overdue": (
        "The time of a duty of the order or request has passed, and it is not done. Nothing "
        "is lifted by itself.",
        "`filterd duty due`; the runbook of FilterdOrderOverdue",
    ),
    "entries of a register are due soon": (
        "Entries of the list of `register`, of its document `run`, are not in force yet, or not lifted "
        "(`duty`: list_block, list_unblock), and the lead of an alarm has begun. Each is told once.",
        "`filterd register show REGISTER`: what is held needs `filterd register accept`",
    ),
    "answers went before every node has what they say": (
        "The answers to the document `run` of `register` were given after they had waited as long as they "
        "may, and `count` nodes lack what is processed: `node` names them.",
        "`filterd node list`; they follow by themselves once they are back",
    ),
    "entries of a register are overdue": (
        "The time of such entries has passed. What is in force stays so.",
        "`filterd register show REGISTER`; the runbook of FilterdOrderOverdue",
    ),
    "more orders are due": (
        "So many more alarms, `count`, were raised at the same moment.",
        "`filterd order due`",
    ),
    "the duty desk is not counted": (
        "Some of what is due at the duty desk cannot be read: `reason` says what. The rest is counted.",
        "the line names the reason; it is tried again by itself. Meanwhile: `filterd duty due`",
    ),
    "deadlines are not watched": (
        "Control cannot read or write the store, so nobody is told of what is due.",
        "the line names the reason; it is tried again by itself. Meanwhile: `filterd order due`",
    ),
    "registers are not watched": (
        "Control cannot read or write the store, so no register is pulled and no answer delivered.",
        "the line names the reason; it is tried again by itself",
    ),
    "a register was not pulled": (
        "Its server did not give it, or gave what is no register: `reason` says what. All blocks stay.",
        "it is tried again by itself; `filterd register pull ID --dry-run`",
    ),
    "a platform of tickets was not visited": (
        "A fault of filterd itself, at `place`: nothing of that visit is lost, and other registers go on.",
        "it is tried again by itself; report the line; `filterd register show ID`",
    ),
    "a register needs a person": (
        "It is not adopted, removes too much at once, or its answers are late: `reason` says which.",
        "`filterd register show ID`",
    ),
    "the room of an authority fills": (
        "Its orders and lists take 80 % or more of what `registers: capacity` declares. Once it is full, "
        "items are answered `over_capacity`.",
        "declare more to the authority, or ask it to withdraw what is old",
    ),
    "alarms are not taken": (
        "The server for mail, or a receiver of `orders.alarms.webhooks`, did not take alarms, or not "
        "for everybody: `reason` says what it did. What nobody has is tried again, for "
        "`orders.alarms.retry_for`.",
        "`filterd doctor`; `filterd mail test`",
    ),
    "alarms are taken again": (
        "The channel took them, or nothing waits for it any more.",
        NOTHING,
    ),
    # ---- sessions ----
    "sessions in the file are damaged": (
        "`count` records, at most two, were cut off by a kill or a power cut, or damaged on the disk. Their "
        "lines are unknown until their next packets; all others hold.",
        "none; where it comes again, the disk",
    ),
    "the sessions of before are lost": (
        "The file of sessions was damaged, or is gone. For `seconds` they count as not loaded, and "
        "`dns.parental_fail` decides for clients that come by session.",
        "[FilterdSessionsIncomplete](runbooks/sessions.md#filterdsessionsincomplete)",
    ),
    "sessions that were lost before this start have not all been told again": (
        "Control was started again while sessions that were lost were still missing. For `seconds` more they "
        "count as not loaded.",
        "[FilterdSessionsIncomplete](runbooks/sessions.md#filterdsessionsincomplete)",
    ),
    "sessions are not as they should be": (
        "A part of them does not work, as `part` and `reason` say; control and DNS go on.",
        "what `remedy` says",
    ),
    "new sessions are refused": (
        "The table is full (`accounting.sessions`), or its disk, as `reason` says. Lines whose sessions are "
        "refused are unknown; told once until there is room again for a minute.",
        "[FilterdSessionsRefused](runbooks/sessions.md#filterdsessionsrefused)",
    ),
    "new sessions are taken again": (
        "There is room, and none was refused for a minute; `count` were before. Leases are taken by "
        "themselves, other sessions with their next packets.",
        NOTHING,
    ),
    "own names stay beyond their end": (
        "Control cannot take off names that lines allowed or blocked for a while. It is tried again each"
        " second.",
        "what `remedy` says",
    ),
    "ends of orders are not noted in the trail; nodes keep to them": (
        "Control cannot note the orders whose term is over or whose suspension has ended. Nodes end and"
        " resume them by themselves. It is tried again every two seconds.",
        "what `remedy` says",
    ),
    "the take-up of the day is not counted": (
        "Control could not count how many lines have the service, or how mandatory blocking grew. It is tried"
        " again each minute; reports have no number for days that are never counted.",
        "what `remedy` says",
    ),
    "the transparency report cannot be read anew": (
        "The public page goes on showing the report that was made last, if there is one; else it says that it"
        " is not there yet. It is read anew at the next look, a day later where one is shown.",
        "see why the store cannot be read: `filterd doctor`",
    ),
    "data stays beyond its term": (
        "Control could not delete what is past its term (`filterd retention show`). It is tried again each"
        " hour.",
        "what `remedy` says",
    ),
    "an unfinished copy of the store was not deleted": (
        "A killed backup or restore left it, and control could not delete it at its start. It holds"
        " subscribers, and no term reaches it.",
        "what `remedy` says",
    ),
    "data past its term was deleted": (
        "Control does this each day; `entries` is how much it was. The audit trail has it by class.",
        NOTHING,
    ),
    "new subscribers are not seen, and their sessions wait": (
        "The store cannot be read just now. It is tried again four times a second.",
        "what `remedy` says",
    ),
    "RADIUS accounting is received": ("The address of `accounting.radius.listen` is bound.", NOTHING),
    "RADIUS accounting is not received, and binding is tried again": (
        "Another program has the address of `accounting.radius.listen`, or no interface has it.",
        "what `remedy` says; the address is bound within a second of being free",
    ),
    "the secret of an accounting client cannot be read": (
        "Its file is gone, empty, or another user's. The secret of before holds, if there was one.",
        "mend the file; it is read again every second",
    ),
    "the secret of an accounting client was taken anew": (
        "Its file has changed, and the new secrets, one or two, hold from now on, without a reload.",
        "nothing; `filterd_accounting_second_secret_total` says whether the second one is still used",
    ),
    "a lease file cannot be read": (
        "It is not there, not readable for the user of control, or damaged, as `reason` says. It ends no "
        "session: those that it told of last until their leases end.",
        "let that user read it, or see what damaged it; it is looked at four times a second",
    ),
    "a lease file can be read again": ("Its leases are taken over.", NOTHING),
    "a lease file has lines that are passed over": (
        "The line with the number in `line_number` is no lease. The others are taken. Told once for each "
        "file; `filterd_lease_lines_skipped_total` counts all such lines.",
        "look at the line; is `format` the right one?",
    ),
    # ---- control ----
    "control waits for the store": (
        "Another process has held the lock of the store since control started. DNS goes on; no order is taken"
        " in. It is tried again by itself.",
        "where it stays so: find that process (`lsof`)",
    ),
    "what a node reports of orders was not put on record": (
        "The report was kept. When its orders came in force there was not recorded, for the reason given.",
        "nothing: the next report tells it again, once the store can be written",
    ),
    "control cannot go on": ("For the reason given.", "what `remedy` says"),
    "store migrated": ("The store has the tables of this version.", NOTHING),
    "the file of the store was replaced, control starts anew": (
        "Another file has the store's place.",
        "nothing after a restore; else see what the next lines say",
    ),
    "the file of sessions was changed by another hand": (
        "Bytes of sessions/live are not those that control wrote: somebody copies files back, or the disk "
        "fails.",
        "find out who writes below state_dir (`dmesg` for the disk); lines are known with their next packets",
    ),
    "the store is not the newest one": (
        "It is older than what was acknowledged: nothing is written.",
        "[FilterdControlNotReady](runbooks/control.md#filterdcontrolnotready)",
    ),
    "store check failed": (
        "Rows of orders or lists are not what was decided, or cannot be read.",
        "[FilterdStoreDamaged](runbooks/control.md#filterdstoredamaged)",
    ),
    "figures are not current": ("Metrics of control could not be counted anew.", "see the store"),
    "a node's report was not kept": ("It comes again within seconds.", "see the store, where it goes on"),
    "snapshot built": ("A new policy snapshot is on the disk.", NOTHING),
    "the first snapshot waits for lists": (
        "There is no snapshot yet, and the `lists` named were neither read nor refused. It says which are "
        "being fetched, and which the store could not record.",
        "nothing while they are being read; else `filterd feed list` says why",
    ),
    "a profile lost much; it stays as in force": (
        "The file of a profile that lines have lacks much of what is in force. It may have been cut off.",
        "mend the file, or accept it: `filterd snapshot build --accept-profile`",
    ),
    "a profile is as its file says again": ("The file was mended, or the loss accepted.", NOTHING),
    "what was in force is gone from the policies": (
        "A group of always-allowed names, a service or a way around is in no file any more.",
        "put it back, if it was not meant",
    ),
    "compile failed": (
        "The snapshot before stays in force.",
        "[FilterdCompileFailed](runbooks/control.md#filterdcompilefailed)",
    ),
    "snapshot check failed": ("The current snapshot file is damaged; control builds another.", "`dmesg`"),
    "reading the store failed": (
        "Control cannot read the store; nodes and snapshots stay as they were.",
        "what `reason` says; `filterd doctor`, then [restore](operations.md#restoring)",
    ),
    "a node lost orders that it kept in force": (
        "The disk of the node lost orders that the store does not know. **Their names pass.**",
        "take each in anew from its document (`filterd order add`), then restart control",
    ),
    "policies failed": (
        "The policies cannot be read; what is in force stays.",
        "`filterd config check`",
    ),
    "prune failed": ("Old snapshots or lists could not be removed.", "room and rights of `state_dir`"),
    "clock failed": (
        "The clock shows a time before the snapshot was made.",
        "[FilterdClockOff](runbooks/node.md#filterdclockoff)",
    ),
    "feeds failed": ("Lists could not be read or stored.", "`filterd feed list`"),
    "adopting feeds failed": (
        "Entries of `feeds.yaml` could not be taken into the store; what is in force stays.",
        "see the store",
    ),
    "a feed was not read": (
        "Its last good version stays in use.",
        "[FilterdFeedStale](runbooks/control.md#filterdfeedstale)",
    ),
    "a feed is read again": ("What kept it from being read is over.", NOTHING),
    "a feed contributes nothing": (
        "It was never read, has no names, or its servers have had no list for a day.",
        "[FilterdFeedContributesNothing](runbooks/control.md#filterdfeedcontributesnothing)",
    ),
    "a feed is stale": (
        "It was not read well for longer than its `stale_after`; its last good version stays in use.",
        "[FilterdFeedStale](runbooks/control.md#filterdfeedstale)",
    ),
    "a feed contributes again, or is retired": ("It is settled.", NOTHING),
    "a feed's new version is held back": (
        "It is outside the feed's guard; the version before stays in use.",
        "[FilterdFeedQuarantined](runbooks/control.md#filterdfeedquarantined)",
    ),
    "popular names of a list are held back": (
        "The rest of the list is in use; these names are answered until somebody decides.",
        "[FilterdFeedNamesHeld](runbooks/control.md#filterdfeednamesheld)",
    ),
    "bindings change as only sessions do": (
        "So many lines were given new bindings more than 3 times within a day; said once a day. Addresses "
        "that come and go are written as bindings, whose changes are all kept.",
        "use sessions: `accounting.radius`, `accounting.leases`, or `filterd session put`",
    ),
    "a node runs other lists than it should": (
        "It lacks the newest snapshot, differs from the others, or has a list that was never read here.",
        "[FilterdNodesDrifted](runbooks/proof.md#filterdnodesdrifted)",
    ),
    "a node runs the right lists again, or is silent": ("`filterd node list` says which.", NOTHING),
    "the canary of a mandatory list is answered: the list does not block here": (
        "The node asked itself for the list's canary name, and got no extended error 16.",
        "[FilterdCanaryPasses](runbooks/proof.md#filterdcanarypasses)",
    ),
    "the canary of a mandatory list cannot be judged": (
        "No answer came, or the upstreams have no address for the canary name.",
        "[FilterdCanaryUnjudged](runbooks/proof.md#filterdcanaryunjudged)",
    ),
    "a test of orders failed": (
        "A fault in the test itself, which is made again; what is in force is not touched.",
        REPORT,
    ),
    "an order that came or went is not seen so over DNS": (
        "The node has the order in force, or lifted, and answers its canary name otherwise.",
        "[FilterdOrderContrary](runbooks/proof.md#filterdordercontrary)",
    ),
    "a test of canaries failed": (
        "A fault in the test itself, which is made again; what is in force is not touched.",
        REPORT,
    ),
    "the canary of a mandatory list is blocked again": ("The list blocks on this node.", NOTHING),
    "lists are in force with other rules than those of the store, which cannot be had": (
        "Their row or file is not what was read, or a restored store does not know them. They have the last"
        " rules whose file is whole; one that has none is left out. Mandatory lists go on.",
        "`filterd feed update`; `filterd audit verify` says what is damaged",
    ),
    "a feed's entry vanished from the policies; the feed stays in force": (
        "The file alone cannot end a feed.",
        "[FilterdFeedOrphaned](runbooks/control.md#filterdfeedorphaned)",
    ),
    "a feed's entry was weakened in the policies; the feed stays in force as adopted": (
        "The entry would lift something.",
        "[FilterdFeedOrphaned](runbooks/control.md#filterdfeedorphaned)",
    ),
    "a feed's entry has another key in feeds.yaml; the feed stays in force as adopted": (
        "Its lists are believed by the adopted key until a person says otherwise.",
        "put the key back, or: `filterd feed trust FEED --reason ...`",
    ),
    "a list was published again": (
        "Another version of it is in force, or another key signs (`publish.on_change`).",
        NOTHING,
    ),
    "a published list is not published again": (
        "The edition before stands, and others take that one; it is tried again every ten minutes.",
        "what `reason` says; then wait, or by hand: `filterd feed publish LIST`",
    ),
    "published lists that must not be public are not withdrawn": (
        "A list became confidential or ended, and its files lie in the published directory still, which the "
        "public pages do not serve; it is tried again.",
        "`filterd feed unpublish LIST --reason WHY`; the reason says what is wrong",
    ),
    "the public pages are not current": (
        "Store or policies cannot be read; what was published last stays, and is tried again.",
        "`filterd config check`; the reason says what is wrong",
    ),
    "the public pages cannot be read from the store": (
        "The web process goes on with the pages that it read last.",
        "`filterd doctor` says what is wrong with the store",
    ),
    "a feed has its entry again, or is retired": ("It is settled.", NOTHING),
    # ---- the support desk ----
    "wrong tokens at the desk: their network waits": (
        "Five wrong tokens in a row came from one network; each further one doubles its wait.",
        "ask the agents who cannot sign in; the proxy's log says where others come from",
    ),
    "a passkey was used by two devices: it is revoked": (
        "Its counter did not grow between two uses: the key was copied, and nobody can tell which use was "
        "its person's.",
        "ask its person, who signs in by token and adds a new passkey; who else has the key has that device",
    ),
}
"""event -> what it means, and what to do"""
