#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox serve: who gets in, what the server says and does, how it ends; and its page in a browser.

load helpers
load box

teardown() {
	[ -z "${FIRST:-}" ] || { kill -KILL "$FIRST" && wait "$FIRST"; } 2>/dev/null || true
	box_teardown
}

@test "serve: the printed address signs in, the cookie opens the page, and the token leaves the address" {
	serve
	local place
	run curl -s -i --max-time 20 -c "$T/jar" "$(cat "$T/url")"
	has_text "303 See Other"
	place=$(sed -n 's|^Location: /\([0-9a-f]\{32\}\)/\r$|\1|p' <<<"$output")
	[ -n "$place" ]
	has_text "Path=/$place/; HttpOnly; SameSite=Strict"
	lacks "$TOKEN"
	run curl -s -i --max-time 20 -c "$T/jar" -b "$T/jar" -L "$(cat "$T/url")"
	has_text "200 OK"
	has_text "<title>hullbox</title>"
	has_text "Content-Security-Policy: default-src 'none'"
	has_text "X-Content-Type-Options: nosniff"
	for path in / /page.js /page.css /api/v1/version /api/v1/containers; do
		ask -b "$T/jar" "/$place$path"
		[ "${output%%$'\n'*}" = 200 ]
		with_token "$path"
		[ "${output%%$'\n'*}" = 200 ]
	done
	ask -b "$T/jar" -H "Origin: $URL" -X POST "/$place/api/v1/containers/c1/stop"
	[ "${output%%$'\n'*}" = 409 ]
	ask -b "$T/jar" "/$place/nothing"
	[ "${output%%$'\n'*}" = 404 ]
}

# serve_other: a server of somebody else, at $OTHER, another port of the same host; it answers with the cookies that it is sent.
serve_other() {
	python3 - "$T/other" 3>&- <<-'END' &
		import http.server, os, sys
		class Other(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_response(200)
		        self.end_headers()
		        self.wfile.write(f"Cookie: {self.headers.get('Cookie')}".encode())
		    def log_message(self, *rest):
		        pass
		server = http.server.HTTPServer(("127.0.0.1", 0), Other)
		with open(sys.argv[1] + ".new", "w") as file:
		    file.write(str(server.server_address[1]))
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		server.serve_forever()
	END
	FIRST=$!
	wait_until test -s "$T/other"
	OTHER=http://127.0.0.1:$(cat "$T/other")/
}

@test "serve: the browser's cookie isn't sent to other servers of the host, and counts below its path alone" {
	serve
	local place value
	curl -s --max-time 20 -c "$T/jar" "$(cat "$T/url")"
	read -r place value < <(awk '/127.0.0.1/ { print $3, $7 }' "$T/jar")
	place=${place#/} place=${place%/}
	serve_other
	run curl -s --max-time 20 -b "$T/jar" "$OTHER"
	assert_equal "$output" "Cookie: None"
	[ -n "$place" ] && [ -n "$value" ] && [ "$value" != "$TOKEN" ]
	for path in / /page.js /api/v1/version /api/v1/containers "/$place" "/${place%?}/" "/x/$place/"; do
		ask -H "Cookie: hullbox_${URL##*:}=$value" "$path"
		[ "${output%%$'\n'*}" = 401 ]
	done
	# Neither secret is good for what the other is.
	ask -H "Cookie: hullbox_${URL##*:}=$TOKEN" "/$place/api/v1/version"
	[ "${output%%$'\n'*}" = 401 ]
	ask -H "Authorization: Bearer $value" /api/v1/version
	[ "${output%%$'\n'*}" = 401 ]
	ask "/?token=$value"
	[ "${output%%$'\n'*}" = 401 ]
	ask "/$place/"
	[ "${output%%$'\n'*}" = 401 ]
	ask -b "$T/jar" -H "Host: evil.example" "/$place/"
	[ "${output%%$'\n'*}" = 421 ]
	ask -b "$T/jar" -H "Origin: http://evil.example" "/$place/"
	[ "${output%%$'\n'*}" = 403 ]
	ask -b "$T/jar" "/$place/"
	[ "${output%%$'\n'*}" = 200 ]
}

# place_of URL: the path of its cookie in the jar.
place_of() { awk -v name="hullbox_${1##*:}" '$6 == name { print $3 }' "$T/jar"; }

@test "serve: two on one address sign the same browser in, each by a cookie of its own" {
	serve
	FIRST=$SERVER
	local first=$URL
	curl -s --max-time 20 -c "$T/jar" "$(cat "$T/url")"
	rm "$T/url"
	serve
	curl -s --max-time 20 -c "$T/jar" -b "$T/jar" "$(cat "$T/url")"
	# Cookies are a host's, whatever the port.
	assert_equal "$(awk '/127.0.0.1/ { print $6 }' "$T/jar" | sort)" \
		"$(printf 'hullbox_%s\n' "${first##*:}" "${URL##*:}" | sort)"
	ask -b "$T/jar" "$(place_of "$URL")api/v1/version"
	[ "${output%%$'\n'*}" = 200 ]
	URL=$first
	ask -b "$T/jar" "$(place_of "$URL")api/v1/version"
	[ "${output%%$'\n'*}" = 200 ]
}

@test "serve: without the token, with a wrong one, by another name or from another site nobody gets in" {
	serve
	for path in / /page.js /api/v1/version /api/v1/containers /api/v1/live /nothing; do
		ask "$path"
		[ "${output%%$'\n'*}" = 401 ]
		ask "$path?token=${TOKEN%?}"
		[ "${output%%$'\n'*}" = 401 ]
		with_token -H "Host: evil.example" "$path"
		[ "${output%%$'\n'*}" = 421 ]
		with_token -H "Origin: http://evil.example" "$path"
		[ "${output%%$'\n'*}" = 403 ]
	done
	# A form on another page, sent by the browser that has the cookie.
	curl -s --max-time 20 -c "$T/jar" "$(cat "$T/url")"
	ask -X POST -b "$T/jar" "$(place_of "$URL")api/v1/containers/c1/stop"
	[ "${output%%$'\n'*}" = 403 ]
	with_token /api/v1/version
	[ "${output%%$'\n'*}" = 200 ]
	has_text '"api":1'
}

@test "serve: what isn't there, can't be asked so, or is too big is refused" {
	serve
	with_token /nothing
	[ "${output%%$'\n'*}" = 404 ]
	with_token /api/v1/containers/--help
	[ "${output%%$'\n'*}" = 404 ]
	with_token --path-as-is /api/v1/containers/../../etc/passwd
	[ "${output%%$'\n'*}" = 404 ]
	with_token -X POST /api/v1/containers/c1/nonsense
	[ "${output%%$'\n'*}" = 404 ]
	with_token -X GET /api/v1/containers/c1/stop
	[ "${output%%$'\n'*}" = 405 ]
	with_token -X POST /
	[ "${output%%$'\n'*}" = 405 ]
	with_token -X POST /api/v1/containers/c1/stop
	[ "${output%%$'\n'*}" = 409 ]
	has_text '"error":'
	with_token "/api/v1/containers/c1/logs?tail=99999"
	[ "${output%%$'\n'*}" = 400 ]
	head -c 100000 /dev/zero >"$T/big"
	run curl -s --max-time 20 -o /dev/null --data-binary "@$T/big" -H "Authorization: Bearer $TOKEN" \
		"$URL/api/v1/containers/c1/stop"
	[ "$status" != 0 ]
	with_token /api/v1/version
	[ "${output%%$'\n'*}" = 200 ]
}

# hold_idle N &: connects so often and says nothing, no faster than the server sends others away; says so and stays.
hold_idle() {
	exec python3 - "${URL##*:}" "$1" <<-'END'
		import select, signal, socket, sys
		poll, held = select.poll(), {}
		for i in range(int(sys.argv[2])):
		    one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		    held[one.fileno()] = one
		    poll.register(one, select.POLLIN)
		    for fd, _ in poll.poll(None if len(held) > 60 else 0):
		        poll.unregister(fd)
		        held.pop(fd).close()
		print("connected", flush=True)
		signal.pause()
	END
}
# has_lines N FILE: events, of a stream.
has_lines() { [ "$(grep -c "^data: " "$2")" -ge "$1" ]; }

@test "serve: connections of those who show no token don't keep out who does" {
	serve
	# Who is in stays in; a sample comes each second.
	curl -sN -H "Authorization: Bearer $TOKEN" "$URL/api/v1/live" >"$T/live" 3>&- &
	wait_until has_lines 1 "$T/live"
	# More than all that the server takes, of those who wait and those who are in.
	hold_idle 300 >"$T/held" 2>"$T/held.err" 3>&- &
	local holder=$!
	wait_until grep -q connected "$T/held"
	with_token /api/v1/version
	[ "${output%%$'\n'*}" = 200 ]
	local n
	n=$(grep -c "^data: " "$T/live")
	wait_until has_lines $((n + 1)) "$T/live"
	wait_until has_lines $((n + 2)) "$T/live"
	{ kill "$holder" && wait "$holder"; } 2>/dev/null || true
	kill -TERM "$SERVER"
	wait "$SERVER"
	SERVER=
	wait %?curl || true
}

@test "serve: by TLS, with a certificate of one's own; half of a pair is an error" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key" -out "$T/cert" -days 2 -subj /CN=box.example \
		-addext subjectAltName=DNS:box.example 2>/dev/null
	run hullbox serve --tls-cert "$T/cert"
	assert_status 2
	has_text "belong together"
	serve --tls-cert "$T/cert" --tls-key "$T/key" --name box.example
	[[ $URL = https://* ]]
	local port=${URL##*:}
	run curl -s -i --max-time 20 --cacert "$T/cert" --resolve "box.example:$port:127.0.0.1" \
		"https://box.example:$port/?token=$TOKEN"
	has_text "303 See Other"
	has_text "; Secure"
}

@test "serve: a bad address, a port in use and a missing key end it with what is wrong" {
	run hullbox serve --listen 127.0.0.1
	assert_status 2
	has_text "has to end in :PORT"
	run hullbox serve --listen example.org:80
	assert_status 2
	has_text "no address"
	serve
	run hullbox serve --listen "${URL#http://}"
	assert_status 1
	has_text "Address already in use"
	run hullbox serve --listen 127.0.0.1:0 --tls-cert "$T/none" --tls-key "$T/none"
	assert_status 1
	has_text "No such file"
}

@test "serve: TERM ends it though somebody listens, and it leaves no process" {
	serve
	curl -sN -H "Authorization: Bearer $TOKEN" "$URL/api/v1/live" >"$T/live" 3>&- &
	wait_until test -s "$T/live"
	kill -TERM "$SERVER"
	wait "$SERVER"
	SERVER=
	wait %?curl || true
}

# --- Containers ---

@test "serve: what the API does is done, and its errors are hullbox's own" {
	require conmon
	box_idle "$ID"
	serve
	with_token /api/v1/containers
	assert_equal "$(tail -n +2 <<<"$output" | jq -r '.[0].name + " " + .[0].status')" "$ID running"
	with_token -X POST "/api/v1/containers/$ID/pause"
	[ "${output%%$'\n'*}" = 200 ]
	assert_equal "$(box_state "$ID" status)" paused
	with_token -X POST "/api/v1/containers/$ID/unpause"
	assert_equal "$(box_state "$ID" status)" running
	with_token -X DELETE "/api/v1/containers/$ID"
	[ "${output%%$'\n'*}" = 409 ]
	has_text '"error":'
	assert_equal "$(box_state "$ID" status)" running
	with_token -X POST "/api/v1/containers/$ID/stop"
	assert_equal "$(box_state "$ID" status)" stopped
	with_token -X DELETE "/api/v1/containers/$ID"
	[ "${output%%$'\n'*}" = 200 ]
	assert_equal "$(hullbox ps -aq)" ""
}

@test "serve: a log as a stream, line by line, and its end" {
	require conmon
	box_start "$ID" -- /bin/sh -c 'echo one; echo two >&2; sleep 1; echo three; exit 3'
	serve
	attempt curl -sN --max-time 30 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/containers/$ID/logs?follow=1"
	assert_status 0
	assert_equal "$(sed -n 's/^data: {"stream":"\(.*\)","text":"\(.*\)"}/\1 \2/p' <<<"$output" | sort)" \
		"$(printf 'stderr two\nstdout one\nstdout three')"
	# That the container failed is no failure of its log, nor is its last line an error.
	assert_equal "$(tail -n 2 <<<"$output")" "$(printf 'event: end\ndata: {}')"
	attempt curl -sN --max-time 30 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/containers/$ID/logs?tail=0"
	assert_equal "$output" "$(printf 'event: end\ndata: {}')"
}

# break_log: it can't be read to its end.
break_log() {
	local log
	log=$(echo "$BOX"/containers/*/log)
	# A link to the newest of the numbered files.
	rm "$log/current"
	mkdir "$log/current"
}

@test "serve: a log that can't be read whole ends with the reason, not as if that were all" {
	require conmon
	box_run --name "$ID" -- /bin/sh -c 'echo one'
	serve
	for id in "$ID" "${ID}x"; do
		[ "$id" != "$ID" ] || break_log
		run --separate-stderr hullbox logs "$id"
		assert_status 1
		local reason=${stderr#hullbox: }
		attempt curl -sN --max-time 30 -H "Authorization: Bearer $TOKEN" "$URL/api/v1/containers/$id/logs"
		lacks "event: end"
		assert_equal "$(tail -n 2 <<<"$output" | head -n 1)" "event: failed"
		assert_equal "$(tail -n 1 <<<"$output" | sed 's/^data: //')" "$(jq -cn --arg error "$reason" '{ $error }')"
	done
}

# bats test_tags=vm-only
@test "serve: memory, processes and CPU are what the cgroup says" {
	require conmon
	local sample cgroup there
	box_start "$ID" --memory 64m --pids 20 -- /bin/sh -c 'echo ready; sleep 1000 & sleep 1000 & wait'
	wait_until is_ready "$ID"
	serve
	cgroup=$(box_state "$ID" cgroup)
	# Once the three of them have come to rest.
	agrees() {
		sample=$(live_sample | jq -c '.containers[0].stats')
		there=$(cat "$cgroup/memory.current")
		echo "# $sample; memory.current $there" >&3
		jq -e --argjson there "$there" '.memory.usage >= $there * 0.95 and .memory.usage <= $there * 1.05
			and .pids.current == 3' <<<"$sample"
	}
	wait_until agrees
	assert_equal "$(jq .memory.limit <<<"$sample")" $((64 << 20))
	assert_equal "$(jq .pids.current <<<"$sample")" "$(cat "$cgroup/pids.current")"
	assert_equal "$(jq .pids.limit <<<"$sample")" 20
	jq -e '.pressure.cpu >= 0 and .cpuTotal > 0' <<<"$sample"
}

# --- In a browser ---

browse() {
	attempt timeout 240 "$top/tests/helpers/browser" -t 60 "${@:1:$#}"
}
rows='document.querySelectorAll(".row.item").length'
panel='document.querySelector("#detail [role=tabpanel]").innerText'
# no-vm: the emulated machine is too slow for a browser.

# bats test_tags=no-vm
@test "page: all containers with their state; what the host doesn't measure is not available" {
	require conmon
	box_idle "$ID"
	hullbox create --net none --layer "$BASE" --name "${ID}b" -- /bin/true
	box_run --name "${ID}c" -- /bin/sh -c 'exit 3'
	serve
	browse "$(cat "$T/url")" "wait:$rows == 3" 'wait:document.body.innerText.includes(" %")' 'eval:location.search' \
		'eval:[...document.querySelectorAll(".row.item")].map((r) => r.getAttribute("aria-label")).join("; ")' \
		'eval:document.querySelector("[data-total=memory]").textContent' \
		"shot:$T/page.png"
	assert_status 0
	has '""'
	has "\"$ID, running; ${ID}b, created; ${ID}c, stopped, exit status 3\""
	# Without the memory controller; with it, a figure.
	if [ -e "$(box_state "$ID" cgroup)/memory.current" ]; then
		lacks '"not available"'
	else
		has '"not available"'
	fi
	[ -s "$T/page.png" ]
}

# bats test_tags=no-vm
@test "page: its browser tells a server at another port of the host no secret" {
	serve
	serve_other
	browse "$(cat "$T/url")" 'wait:document.querySelector("#live").textContent == "live"' 'eval:location.pathname.length' \
		"eval:void (location.href = '$OTHER')" 'wait:document.body.innerText.includes("Cookie: ")' 'eval:document.body.innerText'
	assert_status 0
	has 34 '"Cookie: None"'
}

# bats test_tags=no-vm
@test "page: published ports, in the list and in the details; of what isn't measured no empty chart" {
	require conmon
	box_idle "$ID"
	# A network of its own isn't needed for what the page shows.
	sed -i 's|"ports": *""|"ports": "0.0.0.0:8080->80/tcp"|' "$BOX"/containers/*/state.json
	serve
	browse "$(cat "$T/url")" "wait:$rows == 1" 'eval:document.querySelector(".row.item").innerText.includes("0.0.0.0:8080->80/tcp")' \
		key:j key:Enter "wait:$panel.includes('Ports')" "eval:$panel.includes('0.0.0.0:8080->80/tcp')" \
		'wait:[...document.querySelectorAll(".chart")].every((c) => c.lastChild.hidden == (c.querySelector("b").textContent == "not available"))'
	assert_status 0
	assert_equal "$output" "$(printf 'true\ntrue')"
}

# bats test_tags=no-vm
@test "page: pause, unpause, stop and remove, the last two only when they are confirmed" {
	require conmon
	box_idle "$ID"
	serve
	# While an action is under way its end may have been seen already; nothing else can be pressed then.
	press() { printf 'wait:((b) => !b.disabled && (b.click(), true))(document.querySelector("[data-action=%s]"))' "$1"; }
	says() { printf 'wait:document.querySelector("#detail, #list").innerText.includes("%s")' "$1"; }
	browse "$(cat "$T/url")" "wait:$rows == 1" key:j key:Enter "$(press pause)" "$(says paused)" "$(press unpause)" \
		"$(says running)" "$(press stop)" 'wait:document.querySelector("#confirm").open' key:Escape sleep:1 \
		'eval:document.querySelector("#confirm").open'
	assert_status 0
	has false
	assert_equal "$(box_state "$ID" status)" running
	browse "$(cat "$T/url")" "wait:$rows == 1" key:j key:Enter "$(press stop)" \
		'wait:document.querySelector("#confirm").open' 'eval:document.querySelector("#confirm-yes").click()' \
		"$(says "stopped, exit status 9")" 'wait:document.activeElement.id == "detail"' "$(press remove)" 'wait:document.querySelector("#confirm").open' \
		'eval:document.querySelector("#confirm-yes").click()' "wait:$rows == 0" 'wait:document.activeElement.id == "list"'
	assert_status 0
	assert_equal "$(hullbox ps -aq)" ""
}

# bats test_tags=no-vm
@test "page: log, processes, changes and configuration; what a container prints is text, never HTML" {
	require conmon
	box_start "$ID" --health-cmd 'echo ill; exit 1' --health-interval 50ms --health-retries 1 \
		-- /bin/sh -c 'touch /made; echo "<img src=x onerror=document.title=1>"; echo ready; while :; do sleep 0.2; done'
	wait_until is_ready "$ID"
	serve
	browse "$(cat "$T/url")" 'wait:document.body.innerText.includes("unhealthy, failed")' \
		key:j key:Enter key:4 "wait:$panel.includes('ready')" "eval:$panel" \
		key:3 "wait:$panel.includes('while')" key:5 "wait:document.querySelector('#detail td') && $panel.includes('/made')" \
		key:2 "wait:$panel.includes('\"id\"')" 'eval:document.title'
	assert_status 0
	has_text '<img src=x onerror=document.title=1>'
	has '"hullbox"'
	with_token /api/v1/containers
	assert_equal "$(tail -n +2 <<<"$output" | jq -r '.[0].health | "\(.status)/\(.watched)/\(.log)"')" unhealthy/true/null
	with_token "/api/v1/containers/$ID"
	assert_equal "$(tail -n +2 <<<"$output" | jq -r '.[0].health.log[0] | "\(.exitCode)/\(.output)"')" 1/ill
}

# bats test_tags=no-vm
@test "page: a log that can't be read says why; one that ends says nothing" {
	require conmon
	box_run --name "$ID" -- /bin/sh -c 'echo one; echo two >&2'
	serve
	local reason='document.querySelector("#detail [role=alert]")'
	browse "$(cat "$T/url")" "wait:$rows == 1" key:j key:Enter key:4 "wait:$panel.includes('one')" sleep:1 "eval:$reason"
	assert_status 0
	assert_equal "$output" null
	break_log
	browse "$(cat "$T/url")" "wait:$rows == 1" key:j key:Enter key:4 "wait:$reason" \
		"eval:$reason.textContent.includes('Is a directory')"
	assert_status 0
	assert_equal "$output" true
}

# bats test_tags=no-vm
@test "page: on a phone nothing is wider than the screen; keys do all; dark is dark" {
	require conmon
	box_idle "$ID"
	serve
	# What is typed into the filter is in no random name of a directory.
	local fits='document.documentElement.scrollWidth <= innerWidth'
	browse -s 390x800 -d "$(cat "$T/url")" "wait:$rows == 1" "eval:$fits" key:j key:Enter "eval:$fits" \
		'wait:document.querySelectorAll("#detail .chart").length == 10' key:Escape \
		'eval:document.querySelector("#detail").hidden' key:/ key:~ key:~ "wait:$rows == 0" \
		'eval:getComputedStyle(document.body).backgroundColor'
	assert_status 0
	assert_equal "$output" "$(printf 'true\ntrue\ntrue\n"rgb(14, 19, 25)"')"
}

# bats test_tags=no-vm
@test "page: two hundred containers" {
	require conmon
	local n
	# Their records alone: each would be another second.
	hullbox create --net none --layer "$BASE" --name "$ID" -- /bin/true
	n=$(box_state "$ID" id)
	for i in $(seq 199); do
		id=$(printf '%064x' "$i")
		cp -a "$BOX/containers/$n" "$BOX/containers/$id"
		sed -i "s/\"name\": *\"$ID\"/\"name\": \"n$i\"/" "$BOX/containers/$id/state.json"
		ln -s "$id" "$BOX/names/n$i"
	done
	serve
	browse -s 1280x900 "$(cat "$T/url")" "wait:$rows == 200" key:/ key:n key:1 key:9 key:9 "wait:$rows == 1" \
		'eval:document.querySelector(".row.item .name").textContent'
	assert_status 0
	assert_equal "$output" '"n199"'
}
