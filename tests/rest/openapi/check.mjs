// SPDX-License-Identifier: GPL-3.0-or-later
// Usage: check.mjs RECORD HOST=SPECIFICATION...: what run.py --record wrote, against OpenAPI
// documents, by Prism as a proxy between the recorded requests and the recorded replies.
//
// The check proves itself: each member of a request, with a value of another type, has to be
// noticed. One that is not noticed is none that the vendor knows, or Prism was not asked.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";

const [file, ...pairs] = process.argv.slice(2);
const specifications = new Map(pairs.map((pair) => pair.split("=")));

function exchangesOf(host) {
	const lines = new Set(readFileSync(file, "utf8").trim().split("\n"));
	return [...lines].map((line) => JSON.parse(line)).filter((exchange) => exchange.host === host);
}

/* Prism leaves out the path of the server that the document names. */
function pathOf(target, document) {
	for (const { url } of document.servers ?? []) {
		const base = new URL(url, "https://none").pathname.replace(/\/$/, "");
		if (base && target.startsWith(base + "/")) return target.slice(base.length);
	}
	return target;
}

/*
 * Copies with one value of another type. Not of a DELETE's body, which Prism does not read, nor of
 * labels, which are named freely.
 */
function spoiled(exchange) {
	const copies = [];
	const visit = (value, at, put) => {
		for (const [name, one] of at === "/labels" ? [] : Object.entries(value)) {
			const into = (made) => put(Array.isArray(value) ? value.with(Number(name), made)
				: { ...value, [name]: made });
			const place = `${at}/${name}`;
			const another = typeof one === "object" ? 7 : { x: [] };
			copies.push({ ...exchange, body: into(another), at: place });
			if (typeof one === "object" && one !== null) visit(one, place, into);
		}
	};
	if (exchange.method !== "DELETE") visit(exchange.body ?? {}, "", (made) => made);
	return copies;
}

/* Answers with what was recorded. */
async function replaying(exchanges) {
	const server = http.createServer((request, response) => {
		const { status, reply } = exchanges[Number(request.headers["x-exchange"])];
		const headers = reply === null ? {} : { "Content-Type": "application/json" };
		response.writeHead(status, headers);
		request.resume().on("end", () => response.end(reply === null ? "" : JSON.stringify(reply)));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return server;
}

async function freePort() {
	const server = http.createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return port;
}

async function prism(specification, upstream) {
	const port = await freePort();
	const program = join("node_modules", "@stoplight", "prism-cli", "dist", "index.js");
	const child = spawn(process.execPath, [program, "proxy", "--port", String(port),
		specification, `http://127.0.0.1:${upstream}`], { stdio: ["ignore", "pipe", "inherit"] });
	let said = "";
	await new Promise((resolve, reject) => {
		child.stdout.on("data", (text) => {
			said += text;
			if (said.includes("is listening")) resolve();
		});
		child.on("exit", () => reject(new Error(`Prism has ended:\n${said}`)));
	});
	return { child, port };
}

/* What Prism says against a request, and its reply if that is no refusal: few name those. */
async function violations(port, number, exchange, path) {
	const headers = { "x-exchange": String(number), authorization: "Bearer x" };
	if (exchange.body !== null) headers["content-type"] = exchange.headers["content-type"];
	const request = http.request({ port, method: exchange.method, path, headers });
	request.end(exchange.body === null ? undefined : JSON.stringify(exchange.body));
	const [response] = await once(request, "response");
	let text = "";
	for await (const piece of response) text += piece;
	if (response.headers["content-type"]?.includes("problem+json"))
		return [{ location: ["request"], message: JSON.parse(text).detail }];
	const all = JSON.parse(response.headers["sl-violations"] ?? "[]");
	return exchange.status < 400 ? all : all.filter(({ location }) => location[0] === "request");
}

async function check(host, specification) {
	const exchanges = exchangesOf(host), complaints = [];
	if (!exchanges.length) return [`nothing was sent to ${host}`];
	const document = JSON.parse(readFileSync(specification, "utf8"));
	const server = await replaying(exchanges);
	const { child, port } = await prism(specification, server.address().port);
	const ask = (number, exchange) =>
		violations(port, number, exchange, pathOf(exchange.target, document));
	let copies = 0;
	for (const [number, exchange] of exchanges.entries()) {
		const name = `${exchange.method} ${host}${exchange.target}`;
		for (const { location, message } of await ask(number, exchange))
			complaints.push(`${name}: ${location.join("/")}: ${message}`);
		for (const copy of spoiled(exchange)) {
			copies++;
			if (!(await ask(number, copy)).some(({ location }) => location[0] === "request"))
				complaints.push(`${name}: it is not noticed that ${copy.at} is of another type`);
		}
	}
	child.removeAllListeners("exit");
	child.kill();
	server.close();
	console.log(`${host}: ${exchanges.length} requests and their replies; ${copies} of another type`);
	return complaints;
}

let failed = false;
for (const [host, specification] of specifications)
	for (const complaint of new Set(await check(host, specification))) {
		failed = true;
		console.error(complaint);
	}
process.exit(failed ? 1 : 0);
