// SPDX-License-Identifier: GPL-3.0-or-later
// Cloudflare, Linode: TypeScript's types of bodies. Each body that was sent becomes a literal of its
// type, in which the compiler refuses unknown members, too. Paths are listed here, as the SDKs write
// them (cloudflare/resources/rulesets, @linode/api-v4/lib/firewalls).
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const hosts = [/^api\.cloudflare\.com$/, /^api\.linode\.com$/];

const imports = `
import type { RuleCreateParams, RuleEditParams } from "cloudflare/resources/rulesets/rules";
import type { FirewallRules, UpdateFirewallRules } from "@linode/api-v4";
type Body<Params> = Omit<Params, "zone_id" | "account_id" | "ruleset_id">; // what is in the path
`;
const rules = "^/client/v4/zones/[0-9a-f]{32}/rulesets/[^/]+/rules";
const firewall = "^/v4/networking/firewalls/[0-9]+/rules$";
const operations = [
	["GET", "^/client/v4/zones/[0-9a-f]{32}/rulesets/phases/http_request_firewall_custom/entrypoint$"],
	["POST", rules + "$", { body: "Body<RuleCreateParams.SkipRule>" }],
	["PATCH", rules + "/[^/]+$", { body: "Body<RuleEditParams.SkipRule>" }],
	["DELETE", rules + "/[^/]+$"],
	["GET", firewall, { reply: "FirewallRules" }],
	["PUT", firewall, { body: "UpdateFirewallRules", reply: "FirewallRules" }],
].map(([method, path, has = {}]) => ({ method, path: new RegExp(path), has }));

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export async function check(exchanges) {
	const complaints = [];
	const lines = imports.split("\n");
	const meant = new Map(); // the line's number: its exchange and part
	for (const exchange of exchanges) {
		const found = operations.find((o) => o.method === exchange.method && o.path.test(exchange.path));
		if (!found) complaints.push([exchange, "there is no such operation"]);
		else if (exchange.body && !found.has.body) complaints.push([exchange, "it has no body"]);
		for (const [part, type] of Object.entries(found?.has ?? {}))
			if (part === "body" || exchange.status === 200) {
				lines.push(`export const n${lines.length}: ${type} = ${JSON.stringify(exchange[part])};`);
				meant.set(lines.length, [exchange, part]);
			}
	}
	writeFileSync(here("bodies.ts"), lines.join("\n") + "\n");
	const tsc = spawnSync(process.execPath, [
		here("node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--pretty", "false",
		"--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", here("bodies.ts"),
	], { encoding: "utf8" });
	if (tsc.status !== 0 && !/bodies\.ts\(/.test(tsc.stdout))
		complaints.push([{}, "tsc: " + tsc.stdout + tsc.stderr]);
	for (const [, line, words] of tsc.stdout.matchAll(/bodies\.ts\((\d+),\d+\): error (.*)/g)) {
		const [exchange, part] = meant.get(Number(line)) ?? [{}, "types.mjs"];
		complaints.push([exchange, `${part}: ${words}`]);
	}
	return complaints;
}
