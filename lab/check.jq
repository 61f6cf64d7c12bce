# Did the kernel and each monitor see what the scenarios declare? Prints TAP lines without numbers.
#
# --slurpfile instances   one object per instance (lab/inside, describe)
# --slurpfile kernel      the drop counters that are not 0, of all netns (labtool stat)
# --slurpfile evidence    evidence.json
# --slurpfile events      [MODE, EVENT] for every event of every monitor
# --argjson modes         the monitors that ran

def total: map(.count) | add // 0;

# Is this an event about packets that the driver dropped? (10023 and 10024 tell a rate and count nothing.)
def about_drops: (.id >= 4960 and .id <= 4965) or (.id >= 10001 and .id <= 10025) or .id == 10027;

# Which column of evidence.json is that monitor's? Where programs in the kernel see a drop, no other evidence is asked.
def column: if . == "all" and ($modes | index("bpf")) then "bpf" else . end;

# The fields that are compared beside ID, netns and counter, and those that a depth is made of.
def fields: ["src", "dst", "proto", "spi", "seqno", "sport", "dport", "iface"];
def told: split("+") | map(
	if . == "counter" then empty
	elif . == "sa" then "src", "dst", "proto", "spi"
	elif . == "packet" then "src", "dst", "proto", "spi", "seqno"
	elif . == "flow" then "src", "dst", "proto", "sport", "dport"
	else . end);

def line($good; $name; $diagnostics):
	(if $good then "ok" else "not ok" end) + " - " + $name,
	(if $good then empty else $diagnostics | "# " + tojson end);

# The declarations that hold for this variant, one for each sequence number, with all names resolved.
def declared($kernel):
	. as $i
	| ($i.variant | split("-")) as $words
	| .expect[]
	| . as $e
	| select((has("only") | not) or ($words | index([$e.only])))
	| select((has("not") | not) or ($words | index([$e.not]) | not))
	| {
		netns: ($i.name + "-" + .at), counter, cause, twin,
		src: $i.address.a, dst: $i.address[$e.to // "b"],
		proto: (if .inner then "udp" else $i.proto end),
		spi: (if .flow then $i.number * 256 + .flow else null end),
		sport: (if .flow then 7000 + .flow else null end), dport: (if .flow then 7000 + .flow else null end),
		iface: "v0", seqno: null
	}
	| . as $d
	| if $e.seqno then $e.seqno[] | $d + {seqno: ., count: 1}
	  elif ($e.count | type) == "number" then $d + {count: $e.count}
	  else $d + {count: ($kernel["\($d.netns) \($d.counter)"] // 0), least: (if $e.count == "some" then 1 else 0 end)}
	  end;

# What a monitor in that mode can say about a declared fault.
def visible($mode):
	($evidence[0][.cause] | .[$mode | column] // .any) as [$id, $depth]
	| ($depth | told) as $told
	| . as $d
	| {id: $id, netns, counter, count}
	+ (reduce fields[] as $f ({}; .[$f] = if $told | index([$f]) then $d[$f] else null end))
	# Each has one, and where none is named any is right.
	+ {open: (($told | index(["seqno"])) != null and .seqno == null)};

# An unknown SPI has no SA that would tell the protocol, and the audit record does not: both answers are right.
def comparable($mode):
	if .id == 4965 and ($mode | column) != "bpf" then .proto = null else . end
	| if .netns | endswith("-a") then .iface = null else . end; # on the way out it is not always known

# Occurrences that agree in these keys, as one. (Late evidence and discrepancies count nothing, and none is declared.)
def folded($keys):
	group_by([.[$keys[]]])
	| map(. as $all | reduce $keys[] as $k ({}; .[$k] = $all[0][$k]) + {count: ($all | total)})
	| map(select(.count > 0 or .id == 10021 or .id == 10022));

def compare($name; $mode; $want; $got; $keys):
	($want | map(select(.open) | .id)) as $open
	| ($want | map(comparable($mode)) | folded($keys)) as $want
	| ($got | map(comparable($mode) | if .id as $id | $open | index([$id]) then .seqno = null else . end)
		| folded($keys)) as $got
	| line($want == $got; $name; {missing: ($want - $got), unexpected: ($got - $want)});

# All that a monitor with whatever evidence may call these causes.
def ids: [.[].cause | $evidence[0][.][][0]] | unique;

# An event that leaves the netns open is right only where twins do: all other tuples are in one netns.
($modes[] as $mode
| [$events[] | select(.[0] == $mode) | .[1] | select(about_drops and .netns == null)
	| select(any(.detail.candidates[]?; startswith("twins-")) | not)] as $strays
| line($strays == []; "\($mode): every drop has its netns"; $strays)),

(($kernel | map({key: "\(.netns) \(.counter)", value: .kernel}) | from_entries) as $counters
| $instances[]
| . as $i
| (.netns | map({key: ., value: true}) | from_entries) as $mine
| [declared($counters)] as $declared
| ($declared | group_by([.netns, .counter]) | map({netns: .[0].netns, counter: .[0].counter, kernel: total})
	| map(select(.kernel > 0))) as $want
| ($kernel | map(select($mine[.netns])) | sort_by([.netns, .counter])) as $got
| line($want == $got and all($declared[]; .count >= (.least // 0)); "\($i.name): the kernel";
	{missing: ($want - $got), unexpected: ($got - $want)}),
( $modes[] as $mode
| [$events[] | select(.[0] == $mode) | .[1] | select(about_drops and $mine[.netns // ""])] as $seen
| if any($declared[]; .twin) and ($mode | column) != "bpf" then
	# Which pair a record is about may stay open: only causes and sums are held to account.
	($declared | ids) as $ids
	| line(all($seen[]; [.id] - $ids == []); "\($i.name): \($mode), causes"; $seen | map(select([.id] - $ids != []))),
	compare("\($i.name): \($mode), sums"; $mode; [$declared[] | visible($mode)]; $seen; ["netns", "counter"])
  else
	compare("\($i.name): \($mode)"; $mode; [$declared[] | visible($mode)]; $seen; ["id", "netns", "counter"] + fields)
  end ))
