/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's replies are foreign bytes: whatever they hold, reading them, following packets
 * through them, describing and copying rules must neither crash nor hang.
 *
 * The input is a sequence of netlink messages, as nf_tables and conntrack dump them; each that
 * cannot be read is passed over. Each flow is followed through the ruleset.
 */
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "classify.h"
#include "conntrack.h"
#include "copy.h"
#include "describe.h"
#include "element.h"
#include "ipset.h"
#include "iptables.h"
#include "mark.h"
#include "nf.h"
#include "reach.h"
#include "ruleset_message.h"
#include "select.h"

#define INPUT_MAX 65536
#define FUZZ_BUDGET 20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
	struct ruleset rs;
	struct flow_list flows;
};

/* Elements go to the set that their message names. */
static int
take_elements(struct ruleset *rs, const struct nlmsghdr *nlh, struct err *e)
{
	const char *table = NULL, *name = NULL;
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_TABLE)
			table = attr_string(attr);
		else if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_SET)
			name = attr_string(attr);
	}
	for (size_t i = 0; table && name && i < rs->n_sets; i++) {
		if (strcmp(rs->sets[i]->table->name, table) == 0 &&
		    strcmp(rs->sets[i]->name, name) == 0)
			return ruleset_take_elements(nlh, rs->sets[i], e);
	}
	return 0;
}

static int
take(const struct nlmsghdr *nlh, void *data, struct err *e)
{
	struct reader *reader = data;
	struct err passed_over = ERR_INIT;

	(void)e;
	if (nlh->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK)
		conntrack_take(nlh, &reader->flows, &passed_over);
	else if ((nlh->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM)
		take_elements(&reader->rs, nlh, &passed_over);
	else
		ruleset_take(nlh, &reader->rs, &passed_over);
	return 0;
}

/* There is no kernel to ask for their names. */
static void
name_ipsets(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			for (size_t k = 0; k < rs->chains[i]->rules[j]->n; k++) {
				struct expr *x = &rs->chains[i]->rules[j]->v[k];
				struct ipset_use use;

				if (ipset_use_of(x, &use) && use.index % 2 == 0)
					x->ipset = "fuzz";
			}
		}
	}
}

static void
read_all(struct reader *reader, const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;

	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr nlh;
		bool done = false;
		size_t len;

		memcpy(&nlh, data, sizeof(nlh));
		len = nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > size ? size : nlh.nlmsg_len;
		nl_parse(data, len, 0, 0, take, reader, &done, &e);
		len = (len + 3) & ~(size_t)3;
		data += len > size ? size : len;
		size -= len > size ? size : len;
	}
	for (size_t i = 0; i < reader->rs.n_tables; i++) {
		reader->rs.tables[i]->loaded = true;
		reader->rs.tables[i]->iptables =
			table_is_iptables(&reader->rs, reader->rs.tables[i]);
	}
	name_ipsets(&reader->rs);
	for (size_t i = 0; i < reader->rs.n_sets; i++)
		reader->rs.sets[i]->has_elements = true;
}

static void
copy_all(const struct ruleset *rs)
{
	struct batch batch;

	batch_init(&batch, 0);
	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n && batch.len < (4u << 20); j++) {
			const struct rule *rule = rs->chains[i]->rules[j];
			struct copy copy;

			if (copy_refusal(rule))
				continue;
			copy_begin(&copy, &batch, rs, rule, 0, NULL, "fuzz");
			copy_open_list(&copy);
			mark_put_prefix(copy.nlh, "0123456789ab", (struct mark_port){ 0 }, true);
			copy_expressions(&copy, NULL);
			copy_close_list(&copy);
		}
	}
	batch_fini(&batch);
}

/* Every set counts as anonymous: there is no kernel to be asked. */
static void
follow_flows(struct eval *eval, const struct flow_list *flows)
{
	struct lifted lifted = { .txn = "0123456789ab" };

	for (size_t i = 0; i < eval->rs->n_sets; i++)
		eval->rs->sets[i]->flags |= NFT_SET_ANONYMOUS;
	eval->lifted = &lifted;
	for (size_t i = 0; i < flows->n && i < 16; i++) {
		const struct flow *flow = &flows->v[i];
		struct packet packet = { .family = flow->family,
					 .port = { flow->proto, flow->original.dport },
					 .addressed = true };
		char text[FLOW_TEXT_MAX];

		conntrack_text(text, flow);
		memcpy(packet.source, flow->original.source, sizeof(packet.source));
		memcpy(packet.destination, flow->reply.source, sizeof(packet.destination));
		eval->budget = FUZZ_BUDGET;
		for (size_t c = 0; c < eval->rs->n_chains; c++) {
			if (eval->rs->chains[c]->base)
				eval_base(eval, eval->rs->chains[c], &packet, VIEW_ANYWHERE);
		}
	}
	eval->lifted = NULL;
}

static void
describe_all(const struct ruleset *rs)
{
	char text[128];

	for (size_t i = 0; i < rs->n_chains; i++) {
		for (size_t j = 0; j < rs->chains[i]->n; j++) {
			describe_rule(text, sizeof(text), rs, rs->chains[i]->rules[j]);
			describe_hooks(text, sizeof(text), rs, rs->chains[i]->rules[j]);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ports ports = challenges_ports(CHALLENGE_DEFAULT);
	struct packets packets = packets_of(&ports);
	struct err e = ERR_INIT;
	struct reader reader = { 0 };
	struct eval eval = { .rs = &reader.rs, .budget = FUZZ_BUDGET, .e = &e };
	struct selection sel;
	uint8_t *aligned;

	if (size > INPUT_MAX)
		return 0;
	aligned = malloc(size + 1); /* the kernel's replies are aligned, too */
	if (!aligned)
		return 0;
	memcpy(aligned, data, size);
	reader.flows.ports = ports;
	read_all(&reader, aligned, size);
	if (select_everything(&sel, &eval, &packets, &e) == 0) {
		if (reach_find(&eval, &reader.rs, &packets, &e) == 0)
			classify(&eval, sel.suspects, sel.n, &packets, NULL);
		selection_fini(&sel);
	}
	describe_all(&reader.rs);
	copy_all(&reader.rs);
	follow_flows(&eval, &reader.flows);
	conntrack_fini(&reader.flows);
	ruleset_fini(&reader.rs);
	free(aligned);
	return 0;
}
