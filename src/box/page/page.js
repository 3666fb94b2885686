// SPDX-License-Identifier: GPL-2.0-or-later
//
// The dashboard: one stream of samples in (api/v1/live), one row per container out. All addresses
// are relative: the page is below a path of its own, for which alone the cookie is. Rows and charts
// are made once and then only changed, so that 200 containers cost little. What a host doesn't
// measure is undefined in the sample and "not available" here, never 0. Texts reach the page by
// textContent alone.
"use strict";

const SAMPLES = 120;
const NOT_AVAILABLE = "not available";
const $ = (id) => document.getElementById(id);

// --- Small things ---

function make(tag, props, ...children) {
	const node = document.createElement(tag);
	for (const [key, value] of Object.entries(props || {})) {
		if (key === "class") node.className = value;
		else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
		else if (value === true) node.setAttribute(key, "");
		else if (value !== false && value != null) node.setAttribute(key, value);
	}
	for (const child of children.flat()) if (child != null) node.append(child);
	return node;
}

function svg(tag, props) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [key, value] of Object.entries(props || {})) node.setAttribute(key, value);
	return node;
}

function put(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

function bytes(n) {
	if (n == null) return NOT_AVAILABLE;
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;
	while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
	return (unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)) + " " + units[unit];
}
// The same where there is little room: 89.6M.
const brief = (n) => (n == null ? NOT_AVAILABLE : bytes(n).replace(" ", "").replace(/iB$|B$/, ""));
const rate = (n) => (n == null ? NOT_AVAILABLE : bytes(n) + "/s");
const percent = (n) => (n == null ? NOT_AVAILABLE : n.toFixed(1) + " %");
const count = (n) => (n == null ? NOT_AVAILABLE : String(Math.round(n)));

// Times come as ns since 1970, 0 for never.
const clock = (ns) => (ns ? new Date(ns / 1e6).toLocaleString() : "");

function age(ns) {
	if (!ns) return "";
	const seconds = Math.max(0, (Date.now() - ns / 1e6) / 1000);
	for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60]])
		if (seconds >= size) return Math.floor(seconds / size) + " " + unit;
	return Math.floor(seconds) + " s";
}

// "max" is what the kernel says for no limit; hull prints the largest number.
const limit = (n) => (n == null || n >= 2 ** 62 ? null : n);

function toast(text, ok) {
	const node = make("div", { class: ok ? "toast ok" : "toast" }, text);
	$("toasts").append(node);
	setTimeout(() => node.remove(), ok ? 3000 : 12000);
}

async function call(path, options) {
	const reply = await fetch("api/v1/" + path, options);
	const text = await reply.text();
	let data = null;
	try { data = JSON.parse(text); } catch { /* said below */ }
	if (!reply.ok) throw new Error((data && data.error) || reply.status + " " + reply.statusText);
	return data;
}

// --- Charts ---

const BRIEF = { width: 100, height: 20 };
const FULL = { width: 240, height: 64, labels: true };

class Chart {
	constructor(color, size, format) {
		this.size = size;
		this.format = format;
		this.picture = svg("svg", { viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: "none", role: "img" });
		this.area = svg("path", { fill: `var(--${color})`, "fill-opacity": "0.16" });
		this.line = svg("path", { fill: "none", stroke: `var(--${color})`, "stroke-width": "1.5", "vector-effect": "non-scaling-stroke" });
		this.picture.append(this.area, this.line);
		this.node = this.picture;
		if (size.labels) {
			// Not in the picture, which is stretched to the width that there is.
			const label = (text) => make("span", { "aria-hidden": "true" }, text);
			this.top = label("");
			this.node = make("div", { class: "plot" }, this.top, label("0"), this.picture, label(`${SAMPLES} s ago`));
		}
	}
	// values: the newest last; undefined where nothing was measured. floor: the least top of the scale.
	draw(values, label, floor) {
		const { width, height } = this.size, bottom = 1;
		const known = values.filter((v) => v != null);
		const top = Math.max(floor || 0, ...known) || 1;
		const x = (i) => (width * (SAMPLES - values.length + i)) / (SAMPLES - 1);
		const y = (v) => height - bottom - ((height - bottom - 2) * v) / top;
		let line = "", area = "", start = null;
		values.forEach((v, i) => {
			if (v == null) {
				if (start != null) area += `L${x(i - 1).toFixed(1)} ${height - bottom}Z`;
				start = null;
				return;
			}
			const at = `${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
			if (start == null) { area += `M${x(i).toFixed(1)} ${height - bottom}L${at}`; line += "M" + at; start = i; }
			else { area += "L" + at; line += "L" + at; }
		});
		if (start != null) area += `L${x(values.length - 1).toFixed(1)} ${height - bottom}Z`;
		this.line.setAttribute("d", line);
		this.area.setAttribute("d", area);
		this.picture.setAttribute("aria-label", label);
		if (this.top) put(this.top, this.format(top));
	}
}

// --- What is known ---

const FIGURES = ["cpu", "memory", "pids", "read", "written", "received", "sent", "pressureCpu", "pressureMemory", "pressureIo"];
const containers = new Map(); // id -> { data, history, previous, row }
const total = { cpu: [], memory: [], pids: [], io: [], net: [] };
let order = [], chosen = null, tab = "overview", onlyState = "", sortBy = "name", sortUp = true;

function remember(entry, data, time) {
	const stats = data.stats || {};
	const before = entry.previous;
	const seconds = before ? (time - before.time) / 1000 : 0;
	const network = stats.network || {};
	const per = (now, key) => (before && before[key] != null && now != null && now >= before[key] && seconds > 0 ? (now - before[key]) / seconds : undefined);
	const io = stats.io || {}, pressure = stats.pressure || {};
	entry.now = {
		cpu: stats.cpuPercent, memory: stats.memory && stats.memory.usage, pids: stats.pids && stats.pids.current,
		read: per(io.read, "read"), written: per(io.written, "written"),
		received: per(network.received, "received"), sent: per(network.sent, "sent"),
		pressureCpu: pressure.cpu, pressureMemory: pressure.memory, pressureIo: pressure.io,
		memoryLimit: limit(stats.memory && stats.memory.limit), pidsLimit: limit(stats.pids && stats.pids.limit),
	};
	entry.previous = { time, read: io.read, written: io.written, received: network.received, sent: network.sent };
	for (const figure of FIGURES) {
		const values = entry.history[figure];
		values.push(entry.now[figure]);
		if (values.length > SAMPLES) values.shift();
	}
}

function take(sample) {
	const seen = new Set();
	for (const data of sample.containers) {
		seen.add(data.id);
		let entry = containers.get(data.id);
		if (!entry) {
			entry = { history: Object.fromEntries(FIGURES.map((f) => [f, []])), previous: null };
			containers.set(data.id, entry);
		}
		entry.data = data;
		remember(entry, data, sample.time);
	}
	for (const [id, entry] of containers)
		if (!seen.has(id)) { if (entry.row) entry.row.node.remove(); containers.delete(id); }
	if (chosen && !containers.has(chosen)) closeDetail();
	addUp();
	drawAll();
}

function addUp() {
	const all = [...containers.values()];
	const sum = (...figures) => {
		const known = all.flatMap((e) => figures.map((f) => e.now[f])).filter((v) => v != null);
		return known.length ? known.reduce((a, b) => a + b, 0) : undefined;
	};
	const now = { cpu: sum("cpu"), memory: sum("memory"), pids: sum("pids"), io: sum("read", "written"), net: sum("received", "sent") };
	for (const [key, value] of Object.entries(now)) {
		total[key].push(value);
		if (total[key].length > SAMPLES) total[key].shift();
	}
}

// --- The tiles and the states ---

const tiles = {};
for (const [key, label, color, format] of [["cpu", "CPU, of one processor", "cpu", percent], ["memory", "Memory", "memory", bytes],
	["pids", "Processes", "pids", count], ["io", "Disk", "io", rate], ["net", "Network", "net", rate]]) {
	const chart = new Chart(color, BRIEF, format);
	const value = make("div", { class: "value", "data-total": key }, "…");
	tiles[key] = { chart, value, format, label };
	$("summary").append(make("div", { class: "tile" }, make("div", { class: "label" }, label), value, chart.node));
}

const STATES = ["running", "paused", "created", "stopped"];
const chips = {};
for (const state of ["", ...STATES]) {
	chips[state] = make("button", { type: "button", "aria-pressed": state === "" ? "true" : "false",
		onclick: () => { onlyState = state; for (const s in chips) chips[s].setAttribute("aria-pressed", String(s === state)); drawAll(); } });
	$("states").append(chips[state]);
}

// --- Rows ---

const COLUMNS = [["Name", "name"], ["Image, command", "image"], ["Age", "age"], ["CPU", "cpu"], ["Memory", "memory"], ["Processes", "pids"],
	["Disk r · w, /s", "io"], ["Pressure", "pressure"], ["Net in · out, /s", "net"]];
for (const [title, key] of COLUMNS)
	$("head").append(make("span", {}, make("button", { type: "button", "data-sort": key, onclick: () => { sortUp = sortBy === key ? !sortUp : key === "name" || key === "image"; sortBy = key; drawAll(); } }, title)));

function makeRow(id) {
	const cells = COLUMNS.map(([title], i) => make("div", { class: "cell" }, i > 2 ? make("span", { class: "tag" }, title) : null));
	const row = {
		node: make("div", { class: "row item", role: "listitem", tabindex: "0", "data-id": id, onclick: () => openDetail(id) }, cells),
		dot: make("span", { class: "dot" }), name: make("span", { class: "name" }), status: make("div", { class: "sub" }),
		image: make("span"), command: make("div", { class: "sub" }), ports: make("div", { class: "sub" }), age: make("span"),
		cpu: make("span"), cpuChart: new Chart("cpu", BRIEF, percent),
		memory: make("span"), fill: make("i"), pids: make("span"), io: make("span"), pressure: make("span"), net: make("span"),
	};
	cells[0].append(row.dot, row.name, row.status);
	cells[1].append(row.image, row.command, row.ports);
	cells[2].append(row.age);
	cells[3].append(row.cpu, row.cpuChart.node);
	cells[4].append(row.memory, make("div", { class: "bar" }, row.fill));
	cells[5].append(row.pids);
	cells[6].append(row.io);
	cells[7].append(row.pressure);
	cells[8].append(row.net);
	return row;
}

function figure(node, text) {
	put(node, text);
	node.className = text === NOT_AVAILABLE ? "none" : "";
}

const pair = (a, b, format) => (a == null && b == null ? NOT_AVAILABLE : format(a ?? 0) + " · " + format(b ?? 0));
const isLive = (data) => data.status === "running" || data.status === "paused";

function healthText({ status, failingStreak, watched }) {
	return status + (failingStreak ? `, failed ${failingStreak}×` : "") + (watched ? "" : ", nobody checks");
}

function statusText(data) {
	let text = data.restartAt ? "restarting" : data.status;
	if (data.status === "stopped" && data.exitCode >= 0) text += `, exit status ${data.exitCode}`;
	if (data.health && isLive(data)) text += `, ${healthText(data.health)}`;
	if (data.oom) text += ", out of memory";
	if (data.restarts) text += `, restarted ${data.restarts}×`;
	return text;
}

function drawRow(entry) {
	const { data, now } = entry;
	const row = entry.row;
	const live = isLive(data);
	row.dot.className = `dot ${data.status}${data.exitCode > 0 ? " failed" : ""}`;
	put(row.name, data.name);
	put(row.status, statusText(data));
	put(row.image, data.image || "");
	put(row.command, data.command || "");
	put(row.ports, data.ports || "");
	put(row.age, age(data.started || data.created));
	row.node.classList.toggle("idle", !live);
	row.node.setAttribute("aria-label", `${data.name}, ${statusText(data)}`);
	row.node.setAttribute("aria-current", String(chosen === data.id));
	for (const node of [row.cpu, row.memory, row.pids, row.io, row.pressure, row.net]) if (!live) figure(node, "");
	row.cpuChart.node.style.visibility = live ? "" : "hidden";
	row.fill.parentNode.hidden = !live || now.memoryLimit == null || now.memory == null;
	if (!live) return;
	figure(row.cpu, percent(now.cpu));
	row.cpuChart.draw(entry.history.cpu, `CPU ${percent(now.cpu)}`, 5);
	figure(row.memory, now.memoryLimit != null && now.memory != null ? `${brief(now.memory)} of ${brief(now.memoryLimit)}` : brief(now.memory));
	if (now.memoryLimit) {
		const share = Math.min(1, (now.memory || 0) / now.memoryLimit);
		row.fill.style.width = share * 100 + "%";
		row.fill.className = share > 0.9 ? "full" : "";
	}
	figure(row.pids, now.pidsLimit != null && now.pids != null ? `${now.pids} of ${now.pidsLimit}` : count(now.pids));
	figure(row.io, pair(now.read, now.written, brief));
	const worst = Math.max(...[now.pressureCpu, now.pressureMemory, now.pressureIo].filter((v) => v != null));
	figure(row.pressure, Number.isFinite(worst) ? percent(worst) : NOT_AVAILABLE);
	figure(row.net, pair(now.received, now.sent, brief));
}

const SORT = {
	name: (e) => e.data.name, image: (e) => `${e.data.image || ""} ${e.data.command || ""}`, age: (e) => e.data.started || e.data.created,
	cpu: (e) => e.now.cpu ?? -1, memory: (e) => e.now.memory ?? -1, pids: (e) => e.now.pids ?? -1, io: (e) => (e.now.read ?? -1) + (e.now.written ?? 0),
	pressure: (e) => Math.max(e.now.pressureCpu ?? -1, e.now.pressureMemory ?? -1, e.now.pressureIo ?? -1), net: (e) => (e.now.received ?? -1) + (e.now.sent ?? 0),
};

function drawAll() {
	const all = [...containers.values()];
	const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
	const shown = all.filter(({ data }) => {
		const text = `${data.name} ${data.id} ${data.image} ${data.command} ${data.ports} ${statusText(data)}`.toLowerCase();
		return (!onlyState || data.status === onlyState) && words.every((w) => text.includes(w));
	});
	const value = SORT[sortBy];
	shown.sort((a, b) => {
		const x = value(a), y = value(b);
		const way = x < y ? -1 : x > y ? 1 : 0;
		return (sortUp ? way : -way) || (a.data.name < b.data.name ? -1 : 1);
	});
	for (const state of STATES) put(chips[state], `${state} ${all.filter((e) => e.data.status === state).length}`);
	put(chips[""], `all ${all.length}`);
	for (const [key, tile] of Object.entries(tiles)) {
		const now = total[key][total[key].length - 1];
		put(tile.value, tile.format(now));
		tile.chart.draw(total[key], `${tile.label}: ${tile.format(now)}`, 0);
	}
	for (const button of $("head").querySelectorAll("button"))
		button.parentNode.setAttribute("aria-sort", button.dataset.sort === sortBy ? (sortUp ? "ascending" : "descending") : "none");
	const rows = $("rows");
	shown.forEach((entry, i) => {
		if (!entry.row) entry.row = makeRow(entry.data.id);
		drawRow(entry);
		if (rows.children[i] !== entry.row.node) rows.insertBefore(entry.row.node, rows.children[i] || null);
	});
	while (rows.children.length > shown.length) rows.lastChild.remove();
	order = shown.map((e) => e.data.id);
	$("empty").hidden = shown.length > 0;
	put($("empty"), all.length ? "No container matches." : "There are no containers yet. hullbox run --rootfs DIR -- COMMAND makes one.");
	drawDetail();
}

// --- Details ---

let detail = null; // what is shown: nodes, charts, the stream of the log

const ACTIONS = [
	["start", "Start", (s) => s === "stopped" || s === "created"], ["stop", "Stop", (s) => s === "running" || s === "paused"],
	["restart", "Restart", (s) => s === "running" || s === "stopped" || s === "paused"],
	["pause", "Pause", (s) => s === "running"], ["unpause", "Unpause", (s) => s === "paused"],
	["kill", "Kill", (s) => s === "running" || s === "paused"], ["remove", "Remove", () => true],
];
const QUESTIONS = {
	stop: "Its process gets the stop signal, and is killed if it doesn't end in time.", restart: "It is stopped, then started again with its configuration.",
	kill: "Its processes are killed at once; what they hadn't written is lost.", remove: "The container and all that was changed in it are deleted. If it runs, it is killed.",
};

function ask(title, text, yes) {
	const dialog = $("confirm");
	put($("confirm-title"), title);
	put($("confirm-text"), text);
	put($("confirm-yes"), yes);
	dialog.returnValue = "no";
	dialog.showModal();
	return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

async function act(id, action, title) {
	const { data } = containers.get(id);
	if (QUESTIONS[action] && !(await ask(`${title} '${data.name}'?`, QUESTIONS[action], title))) return;
	if (detail) detail.busy = true;
	drawDetail();
	try {
		if (action === "remove") await call(`containers/${id}?force=1`, { method: "DELETE" });
		else await call(`containers/${id}/${action}`, { method: "POST" });
		toast(`${data.name}: ${action} done`, true);
	} catch (error) {
		toast(`${action} '${data.name}': ${error.message}`);
	}
	if (detail) detail.busy = false;
	drawDetail();
	// A button that can't be used any more loses the focus; the keyboard's place mustn't be lost with it.
	if (document.activeElement === document.body || document.activeElement.disabled) $(detail ? "detail" : "list").focus({ preventScroll: true });
}

const CHARTS = [
	["cpu", "CPU, of one processor", "cpu", percent, ["cpu"]], ["memory", "Memory", "memory", bytes, ["memory"]], ["pids", "Processes", "pids", count, ["pids"]],
	["read", "Disk, read", "io", rate, ["read"]], ["written", "Disk, written", "io", rate, ["written"]],
	["received", "Network, in", "net", rate, ["received"]], ["sent", "Network, out", "net", rate, ["sent"]],
	["pressureCpu", "Pressure, CPU", "pressure", percent], ["pressureMemory", "Pressure, memory", "pressure", percent], ["pressureIo", "Pressure, I/O", "pressure", percent],
];
const TABS = ["overview", "configuration", "processes", "log", "changes"];

function openDetail(id, keepFocus) {
	if (detail) detail.stop();
	chosen = id;
	detail = { id, busy: false, stop() {}, charts: {}, facts: make("dl", { class: "facts" }), body: make("div", { role: "tabpanel" }) };
	detail.heading = make("h2");
	detail.buttons = Object.fromEntries(ACTIONS.map(([action, title]) => [action,
		make("button", { type: "button", "data-action": action, class: action === "remove" || action === "kill" ? "danger" : "", onclick: () => act(id, action, title) }, title)]));
	detail.tabs = Object.fromEntries(TABS.map((name) => [name, make("button", { type: "button", role: "tab", "data-tab": name, onclick: () => showTab(name) }, name)]));
	$("detail").replaceChildren(
		make("div", { class: "title" }, detail.heading, make("button", { type: "button", onclick: closeDetail, title: "Close (Esc)" }, "Close")),
		make("div", { class: "buttons" }, Object.values(detail.buttons)),
		make("div", { class: "tabs", role: "tablist" }, Object.values(detail.tabs)), detail.body);
	$("detail").hidden = false;
	$("list").classList.add("with-detail");
	history.replaceState(null, "", "#" + id);
	showTab(tab);
	drawAll();
	if (!keepFocus) $("detail").focus({ preventScroll: true });
}

function closeDetail() {
	if (detail) detail.stop();
	const id = chosen;
	detail = chosen = null;
	$("detail").hidden = true;
	$("list").classList.remove("with-detail");
	history.replaceState(null, "", location.pathname);
	const entry = containers.get(id);
	drawAll();
	if (entry && entry.row) entry.row.node.focus();
	else $("list").focus({ preventScroll: true });
}

function showTab(name) {
	tab = name;
	detail.stop();
	detail.stop = () => {};
	detail.charts = {};
	for (const t of TABS) detail.tabs[t].setAttribute("aria-selected", String(t === name));
	const mine = detail;
	const show = (...nodes) => { if (detail === mine && tab === name) mine.body.replaceChildren(...nodes); };
	const failed = (error) => show(make("p", { class: "none" }, error.message));
	if (name === "overview") {
		const charts = CHARTS.map(([key, title, color, format]) => {
			const chart = new Chart(color, FULL, format), value = make("b");
			detail.charts[key] = { chart, value, format, title };
			return make("div", { class: "chart", "data-figure": key }, make("div", { class: "label" }, title, value), chart.node);
		});
		show(detail.facts, make("div", { class: "charts" }, charts));
		drawDetail();
	} else if (name === "log") {
		showLog(show);
	} else if (name === "configuration") {
		call(`containers/${detail.id}`).then((data) => show(make("pre", {}, JSON.stringify(data, null, 2))), failed);
	} else {
		const load = () => call(`containers/${mine.id}/${name}`).then((data) => show(table(name, data)), failed);
		load();
		const timer = setInterval(load, 3000);
		detail.stop = () => clearInterval(timer);
	}
}

const KINDS = { A: "added", C: "changed", D: "deleted" };

function table(name, data) {
	if (data && data.text != null) return make("pre", { class: "wide", tabindex: "0" }, data.text);
	const rows = Array.isArray(data) ? data : [];
	if (!rows.length) return make("p", { class: "none" }, name === "changes" ? "Nothing was changed." : "No process.");
	const keys = Object.keys(rows[0]);
	return make("table", {}, make("thead", {}, make("tr", {}, keys.map((k) => make("th", {}, k)))),
		make("tbody", {}, rows.slice(0, 2000).map((r) => make("tr", {}, keys.map((k) => make("td", {}, (k === "kind" && KINDS[r[k]]) || String(r[k] ?? "")))))));
}

function showLog(show) {
	const box = make("pre", { class: "log", tabindex: "0", "aria-label": "Log" });
	show(box);
	const source = new EventSource(`api/v1/containers/${detail.id}/logs?follow=1&tail=500`);
	source.addEventListener("line", (event) => {
		const { stream, text } = JSON.parse(event.data);
		const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
		box.append(make("span", { class: stream === "stderr" ? "err" : "" }, text + "\n"));
		while (box.childElementCount > 5000) box.firstChild.remove();
		if (atEnd) box.scrollTop = box.scrollHeight;
	});
	// What came before stays.
	source.addEventListener("failed", (event) => {
		source.close();
		if (box.isConnected) box.after(make("p", { class: "none", role: "alert" }, JSON.parse(event.data).error));
	});
	source.addEventListener("end", () => source.close());
	detail.stop = () => source.close();
}

function drawDetail() {
	const entry = detail && containers.get(detail.id);
	if (!entry) return;
	const { data, now, history: past } = entry;
	put(detail.heading, data.name);
	for (const [action, , allowed] of ACTIONS) detail.buttons[action].disabled = detail.busy || !allowed(data.status);
	if (tab !== "overview") return;
	const live = isLive(data);
	for (const [key, { chart, value, format, title }] of Object.entries(detail.charts)) {
		const text = live ? format(now[key]) : "";
		figure(value, text);
		chart.node.hidden = !past[key].some((v) => v != null);
		chart.draw(past[key], `${title}: ${text}`, key.startsWith("pressure") || key === "cpu" ? 10 : 0);
	}
	const facts = [["Status", statusText(data)], ["Image", data.image], ["Command", data.command], ["Last error", data.error], ["Created", clock(data.created)], ["Started", clock(data.started)],
		["Finished", clock(data.finished)], ["Process id", data.pid], ["Address", data.ip], ["Ports", data.ports], ["Id", data.id],
		["Memory limit", bytes(now.memoryLimit)], ["Limit of processes", count(now.pidsLimit)]];
	const wanted = facts.filter(([, v]) => v && v !== NOT_AVAILABLE);
	const text = wanted.map(([k, v]) => k + v).join();
	if (detail.facts.dataset.text !== text) {
		detail.facts.dataset.text = text;
		detail.facts.replaceChildren(...wanted.flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, String(v))]));
	}
}

// --- Keys ---

function move(step) {
	if (!order.length) return;
	const focused = document.activeElement && document.activeElement.dataset.id;
	const at = order.indexOf(chosen || focused);
	const id = order[Math.max(0, Math.min(order.length - 1, at < 0 ? 0 : at + step))];
	if (chosen) openDetail(id, true);
	const row = containers.get(id).row;
	row.node.focus();
	row.node.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
	if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
	const typing = event.target.matches("input, textarea");
	if (event.key === "Escape") { if (typing) event.target.blur(); else if (chosen) closeDetail(); }
	else if (typing) { if (event.key === "ArrowDown") { event.preventDefault(); event.target.blur(); move(0); } }
	else if (event.key === "/") { event.preventDefault(); $("filter").focus(); }
	else if (event.key === "j" || (event.key === "ArrowDown" && event.target.dataset.id)) { event.preventDefault(); move(1); }
	else if (event.key === "k" || (event.key === "ArrowUp" && event.target.dataset.id)) { event.preventDefault(); move(-1); }
	else if ((event.key === "Enter" || event.key === " ") && event.target.dataset.id) { event.preventDefault(); openDetail(event.target.dataset.id); }
	else if (chosen && event.key >= "1" && event.key <= "5") showTab(TABS[event.key - 1]);
	else if (event.key === "t") switchTheme();
	else if (event.key === "?") $("help").showModal();
});

function switchTheme() {
	const root = document.documentElement;
	const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
	root.dataset.theme = dark ? "light" : "dark";
	try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not kept, then */ }
}
try { if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme"); } catch { /* none */ }
$("theme").addEventListener("click", switchTheme);
$("keys").addEventListener("click", () => $("help").showModal());
$("filter").addEventListener("input", drawAll);

// --- The stream ---

function live(text, state) {
	put($("live"), text);
	$("live").className = "live " + state;
}

function connect() {
	const source = new EventSource("api/v1/live");
	source.addEventListener("sample", (event) => {
		live("live", "on");
		take(JSON.parse(event.data));
		if (!chosen && location.hash.length > 1 && containers.has(location.hash.slice(1))) openDetail(location.hash.slice(1));
	});
	source.addEventListener("failed", (event) => live(JSON.parse(event.data).error, "off"));
	source.onerror = async () => {
		live("reconnecting", "off");
		if (source.readyState !== EventSource.CLOSED) return;
		// A refusal isn't tried again by the browser: a new token, or a server that is full.
		const reply = await fetch("api/v1/version").catch(() => null);
		if (reply && reply.status === 401) live("signed out: open the address that hullbox serve printed", "off");
		else setTimeout(connect, 3000);
	};
}
connect();
