// SPDX-License-Identifier: GPL-3.0-or-later
// Google: the messages and the REST paths in protos.json, as protobuf.js writes it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const hosts = [/^compute\.googleapis\.com$/];

const entry = createRequire(import.meta.url).resolve("@google-cloud/compute");
const file = join(dirname(entry), "..", "protos", "protos.json");
const all = JSON.parse(readFileSync(file, "utf8"));
const v1 = ["google", "cloud", "compute", "v1"].reduce((at, name) => at.nested[name], all).nested;

const numbers = /^(u?int|s?fixed|sint)(32|64)$|^(double|float)$/;
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

function wrongScalar(value, type) {
	if (type === "string") return typeof value !== "string";
	if (type === "bool") return typeof value !== "boolean";
	return isNaN(Number(value)); // 64 bits may be a string
}

/* Complaints about a value of a type that is named within the messages of scope. */
function* walk(value, type, scope, at) {
	const message = scope.nested?.[type] ?? v1[type];
	if (type === "string" || type === "bool" || numbers.test(type)) {
		if (wrongScalar(value, type)) yield `${at} is no ${type}`;
	} else if (message?.values) {
		if (!(value in message.values)) yield `${at}: ${type} has no ${value}`;
	} else if (message === undefined) {
		yield `${at}: the type ${type} is not known`;
	} else if (typeof value !== "object" || value === null) {
		yield `${at} is no ${type}`;
	} else {
		for (const [name, member] of Object.entries(value))
			yield* walkField(member, message.fields[name], message, `${at}/${name}`);
	}
}

function* walkField(value, field, scope, at) {
	if (field === undefined) yield `${at} is unknown`;
	else if (field.keyType)
		for (const [key, one] of Object.entries(value)) yield* walk(one, field.type, scope, `${at}/${key}`);
	else if (field.rule !== "repeated") yield* walk(value, field.type, scope, at);
	else if (!Array.isArray(value)) yield `${at} is no array`;
	else for (const [i, one] of value.entries()) yield* walk(one, field.type, scope, `${at}/${i}`);
}

const operations = Object.values(v1)
	.flatMap((service) => Object.values(service.methods ?? {}))
	.map((method) => {
		const verb = ["get", "post", "put", "patch", "delete"].find(
			(name) => `(google.api.http).${name}` in method.options);
		const template = method.options[`(google.api.http).${verb}`] ?? "";
		return {
			method: verb?.toUpperCase(),
			path: new RegExp("^" + template.replace(/\{[^}]*\}/g, "[^/]+") + "$"),
			named: [...template.matchAll(/\{([^}]*)\}/g)].map((match) => camel(match[1])),
			body: camel(method.options["(google.api.http).body"] ?? ""),
			request: v1[method.requestType],
			response: method.responseType,
		};
	});

function* complaintsAbout(exchange) {
	const found = operations.find((o) => o.method === exchange.method && o.path.test(exchange.path));
	if (!found) {
		yield "there is no such operation";
		return;
	}
	const { named, body, request, response } = found;
	for (const [name, value] of Object.entries(exchange.query))
		if (named.includes(name) || name === body) yield `${name} is not for the query`;
		else yield* walkField(value, request.fields[name], request, `query/${name}`);
	if (body) yield* walkField(exchange.body ?? {}, request.fields[body], request, "body");
	else if (exchange.body) yield "it has no body";
	if (exchange.status < 300) yield* walk(exchange.reply, response, v1, "reply");
}

export async function check(exchanges) {
	return exchanges.flatMap((one) => [...complaintsAbout(one)].map((complaint) => [one, complaint]));
}
