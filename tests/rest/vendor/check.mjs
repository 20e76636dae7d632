// SPDX-License-Identifier: GPL-3.0-or-later
// Usage: check.mjs RECORD: what run.py --record wrote, against the vendors' schemas.
//
// A form of schema is a module that exports `hosts`, whose requests it knows, and check(exchanges):
// an async function that returns [exchange, complaint] pairs. An exchange is a line of the record:
// { method, host, target, path, query, headers, body, status, reply }.
import { readFileSync } from "node:fs";
import * as mappers from "./mappers.mjs";
import * as protos from "./protos.mjs";
import * as shapes from "./shapes.mjs";
import * as types from "./types.mjs";

const forms = [mappers, protos, shapes, types];
const tokens = ["login.microsoftonline.com", "oauth2.googleapis.com"]; // OAuth 2, no vendor's own
const others = /\.test$|^api\.(vultr|digitalocean)\.com$|^api\.hetzner\.cloud$/; // have no schema here

function exchangesOf(file) {
	const seen = new Map();
	for (const line of readFileSync(file, "utf8").trim().split("\n")) {
		const exchange = JSON.parse(line);
		const url = new URL(exchange.target, "https://" + exchange.host);
		seen.set(line, { ...exchange, path: url.pathname, query: Object.fromEntries(url.searchParams) });
	}
	return [...seen.values()];
}

/* Copies with the name of one member changed: the check proves itself by noticing each. */
function spoiled(exchange) {
	const copies = [];
	const visit = (value, at, put) => {
		for (const [name, one] of Object.entries(value)) {
			const isItem = Array.isArray(value);
			const { [name]: _, ...rest } = value;
			if (!isItem && at !== "/tags") // those are named freely
				copies.push({ ...exchange, body: put({ ...rest, [name + "X"]: one }), at: `${at}/${name}` });
			if (typeof one === "object" && one !== null)
				visit(one, `${at}/${name}`, (made) =>
					put(isItem ? value.with(Number(name), made) : { ...value, [name]: made }));
		}
	};
	visit(exchange.body ?? {}, "", (made) => made);
	return copies;
}

const exchanges = exchangesOf(process.argv[2]);
const complaints = [];
for (const form of forms) {
	const own = exchanges.filter((exchange) => form.hosts.some((host) => host.test(exchange.host)));
	for (const host of form.hosts)
		if (!own.some((exchange) => host.test(exchange.host)))
			complaints.push([{}, `nothing was sent to ${host}`]);
	complaints.push(...(await form.check(own)));
	const copies = own.flatMap(spoiled);
	const noticed = new Set((await form.check(copies)).map(([copy]) => copy));
	for (const copy of copies)
		if (!noticed.has(copy)) complaints.push([copy, `it is not noticed that ${copy.at} is another`]);
	console.log(`${form.hosts.map((host) => host.source).join(", ")}: ${own.length} requests; ` +
		`${copies.length} with a changed name were noticed`);
}
for (const exchange of exchanges)
	if (![...forms.flatMap((form) => form.hosts), others].some((host) => host.test(exchange.host)) &&
	    !tokens.includes(exchange.host))
		complaints.push([exchange, "no schema is named for this host"]);
for (const [{ method = "", host = "", path = "" }, complaint] of complaints)
	console.error(`${method} ${host}${path}: ${complaint}`);
process.exit(complaints.length > 0 ? 1 : 0);
