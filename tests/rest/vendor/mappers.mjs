// SPDX-License-Identifier: GPL-3.0-or-later
// Azure: the mappers and operation specifications of an SDK on @azure/core-client. They are not
// exported; a client whose requests are caught tells them.
import { NetworkManagementClient } from "@azure/arm-network";

export const hosts = [/^management\.azure\.com$/];

const credential = { getToken: async () => ({ token: "none", expiresOnTimestamp: 9e15 }) };

async function specifications() {
	const client = new NetworkManagementClient(credential, "subscription");
	const caught = [];
	client.sendOperationRequest = (_, spec) => {
		caught.push(spec);
		return Promise.reject(new Error("caught"));
	};
	const { securityRules, webApplicationFirewallPolicies } = client;
	await Promise.allSettled([
		securityRules.get("g", "n", "r"),
		securityRules.list("g", "n").next(),
		securityRules.beginCreateOrUpdate("g", "n", "r", {}),
		securityRules.beginDelete("g", "n", "r"),
		webApplicationFirewallPolicies.get("g", "p"),
		webApplicationFirewallPolicies.createOrUpdate("g", "p", {}),
	]);
	return caught.map((spec) => ({
		...spec,
		pattern: new RegExp("^" + spec.path.replace(/\{[^}]*\}/g, "[^/]+") + "$"),
	}));
}

/* A member "a" and members "a.b" and "a.c" of the same mapper: the latter are flattened. */
function* walkComposite(value, properties, models, at, isSent) {
	const names = properties.map(([name, mapper]) => [name.split(/(?<!\\)\./), mapper]);
	for (const [member, one] of Object.entries(value)) {
		const matching = names.filter(([path]) => path[0] === member);
		const whole = matching.find(([path]) => path.length === 1);
		const inside = matching.map(([path, mapper]) => [path.slice(1).join("."), mapper]);
		if (whole) yield* walk(one, whole[1], models, `${at}/${member}`, isSent);
		else if (inside.length > 0) yield* walkComposite(one, inside, models, `${at}/${member}`, isSent);
		else yield `${at}/${member} is unknown`;
	}
	for (const [path, mapper] of names)
		if (isSent && mapper.required && path.length === 1 && !(path[0] in value))
			yield `${at}/${path[0]} is missing`;
}

function* walk(value, mapper, models, at, isSent) {
	const { name, className, element, value: valueMapper } = mapper.type;
	const limits = mapper.constraints ?? {};
	if (name === "Composite" && typeof value === "object" && value !== null) {
		const { modelProperties } = mapper.type.modelProperties ? mapper.type : models[className].type;
		const properties = Object.values(modelProperties).map((p) => [p.serializedName, p]);
		yield* walkComposite(value, properties, models, at, isSent);
	} else if (name === "Sequence" && Array.isArray(value)) {
		for (const [i, one] of value.entries()) yield* walk(one, element, models, `${at}/${i}`, isSent);
	} else if (name === "Dictionary" && typeof value === "object") {
		for (const [key, one] of Object.entries(value))
			yield* walk(one, valueMapper, models, `${at}/${key}`, isSent);
	} else if (name !== "any" && typeof value !== name.toLowerCase()) {
		yield `${at} is no ${name}`;
	}
	if (value?.length > limits.MaxLength || value > limits.InclusiveMaximum || value < limits.InclusiveMinimum)
		yield `${at} is not within ${JSON.stringify(limits)}`;
}

function* complaintsAbout(exchange, specs) {
	const spec = specs.find((one) => one.httpMethod === exchange.method && one.pattern.test(exchange.path));
	if (!spec) {
		yield "there is no such operation";
		return;
	}
	const models = spec.serializer.modelMappers;
	// A recipe may ask for a later version of the API than this SDK knows.
	for (const { mapper } of spec.queryParameters)
		if (!(exchange.query[mapper.serializedName] >= mapper.defaultValue))
			yield `${mapper.serializedName} is missing, or before ${mapper.defaultValue}`;
	if (spec.requestBody) yield* walk(exchange.body, spec.requestBody.mapper, models, "body", true);
	else if (exchange.body) yield "it has no body";
	const answer = spec.responses[exchange.status] ?? spec.responses.default;
	if (answer.bodyMapper && exchange.reply)
		yield* walk(exchange.reply, answer.bodyMapper, models, "reply", false);
}

export async function check(exchanges) {
	const specs = await specifications();
	return exchanges.flatMap((one) => [...complaintsAbout(one, specs)].map((complaint) => [one, complaint]));
}
