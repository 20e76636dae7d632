// SPDX-License-Identifier: GPL-3.0-or-later
// AWS: the schemas of an SDK's operations, by their names in X-Amz-Target (AWS JSON 1.1).
import * as wafv2 from "@aws-sdk/client-wafv2";
import { NormalizedSchema } from "@smithy/core/schema";

export const hosts = [/^wafv2\.[a-z0-9-]+\.amazonaws\.com$/];

const service = "AWSWAF_20190729";
const N_REQUIRED = 6; // of a structure's schema: so many of its first members

function* walkStructure(value, schema, at) {
	const members = new Map(schema.structIterator());
	for (const [name, one] of Object.entries(value))
		if (members.has(name)) yield* walk(one, members.get(name), `${at}/${name}`);
		else yield `${at}/${name} is unknown`;
	for (const name of [...members.keys()].slice(0, schema.getSchema()[N_REQUIRED] ?? 0))
		if (!(name in value)) yield `${at}/${name} is missing`;
}

function* walk(value, schema, at) {
	const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
	if (schema.isStructSchema()) {
		if (isObject) yield* walkStructure(value, schema, at);
		else yield `${at} is no structure`;
	} else if (schema.isListSchema()) {
		if (!Array.isArray(value)) yield `${at} is no list`;
		else for (const [i, one] of value.entries()) yield* walk(one, schema.getValueSchema(), `${at}/${i}`);
	} else if (schema.isMapSchema()) {
		if (!isObject) yield `${at} is no map`;
		else
			for (const [key, one] of Object.entries(value))
				yield* walk(one, schema.getValueSchema(), `${at}/${key}`);
	} else if (schema.isBlobSchema()) {
		if (typeof value !== "string" || Buffer.from(value, "base64").toString("base64") !== value)
			yield `${at} is no base64`;
	} else if (schema.isBooleanSchema() ? typeof value !== "boolean"
		: schema.isNumericSchema() ? typeof value !== "number"
		: schema.isStringSchema() && typeof value !== "string") {
		yield `${at} has another type`;
	}
}

function* complaintsAbout({ method, path, query, headers, body, status, reply }) {
	const [of, name] = (headers["x-amz-target"] ?? "").split(".");
	const operation = wafv2[name + "$"];
	if (method !== "POST" || path !== "/" || Object.keys(query).length > 0) yield "it is no POST of /";
	if (headers["content-type"] !== "application/x-amz-json-1.1") yield "the content type is another";
	if (of !== service || operation === undefined) {
		yield "there is no such operation";
		return;
	}
	const [input, output] = operation.slice(-2).map((one) => NormalizedSchema.of(one()));
	yield* walk(body, input, "body");
	if (status === 200) yield* walk(reply, output, "reply");
}

export async function check(exchanges) {
	return exchanges.flatMap((one) => [...complaintsAbout(one)].map((complaint) => [one, complaint]));
}
