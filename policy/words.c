/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "words.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#define WORD_MAX 32 /* bytes, terminator included; the rest of a longer word is dropped */

enum meaning {
	GEO,
	EXCEPTION, /* people or machines that are let through */
	HOME,      /* the same, but home_countries are countries */
	OTHER,     /* another kind of block */
	LISTED,    /* the same, unless the name says what is listed */
	NEUTRAL,   /* goes with anything */
	SERVICE,   /* so does this, but mail_de may be a server in Germany */
	UNKNOWN,
};

/* The first that matches counts (fnmatch(3)). */
static const struct {
	const char *pattern;
	enum meaning meaning;
	const char *why;
	bool place;
} meanings[] = {
	{ "geo", GEO, NULL, false },
	{ "*geoip*", GEO, NULL, false },
	{ "*geoblock*", GEO, NULL, false },
	{ "geofilter*", GEO, NULL, false },
	{ "geofenc*", GEO, NULL, false },
	{ "geoloc*", GEO, NULL, false },
	{ "geodeny*", GEO, NULL, false },
	{ "geodrop*", GEO, NULL, false },
	{ "geoban*", GEO, NULL, false },
	{ "geoallow*", GEO, NULL, false },
	{ "geolite*", GEO, NULL, false },
	{ "geofw", GEO, NULL, false },
	{ "geomap*", GEO, NULL, false },
	{ "geoset*", GEO, NULL, false },
	{ "geolist*", GEO, NULL, false },
	{ "geonet*", GEO, NULL, false },
	{ "geomark*", GEO, NULL, false },
	{ "georestrict*", GEO, NULL, false },
	{ "geobloc*", GEO, NULL, false }, /* French, Italian, Catalan */
	{ "geobloq*", GEO, NULL, false }, /* Spanish, Portuguese */
	{ "geosperr*", GEO, NULL, false },
	{ "blockgeo", GEO, NULL, false },
	{ "*country*", GEO, NULL, false },
	{ "*countries*", GEO, NULL, false },
	{ "continent*", GEO, NULL, false },
	{ "nation", GEO, NULL, false },
	{ "nations", GEO, NULL, false },
	{ "laender*", GEO, NULL, false },
	{ "lander*", GEO, NULL, false }, /* German, with its umlaut; Swedish */
	{ "landen", GEO, NULL, false },
	{ "pays", GEO, NULL, false },
	{ "pais", GEO, NULL, false },
	{ "paises", GEO, NULL, false },
	{ "paesi", GEO, NULL, false },
	{ "paese", GEO, NULL, false },
	{ "nazion*", GEO, NULL, false },
	{ "kraje", GEO, NULL, false },
	{ "krajow", GEO, NULL, false },
	{ "стран*", GEO, NULL, false },
	{ "Стран*", GEO, NULL, false },
	{ "країн*", GEO, NULL, false },
	{ "Країн*", GEO, NULL, false },
	{ "*国家*", GEO, NULL, false },
	{ "*國家*", GEO, NULL, false },
	{ "*국가*", GEO, NULL, false },
	{ "ipdeny", GEO, NULL, false },
	{ "maxmind", GEO, NULL, false },
	{ "locationblock", GEO, NULL, false },

	{ "not", EXCEPTION, NULL, false },
	{ "non", EXCEPTION, NULL, false },
	{ "no", EXCEPTION, NULL, false },
	{ "without", EXCEPTION, NULL, false },
	{ "excep*", EXCEPTION, "an exception", false },
	{ "eccez*", EXCEPTION, "an exception", false },
	{ "ausnahm*", EXCEPTION, "an exception", false },
	{ "auser", EXCEPTION, "an exception", false }, /* with its sharp s */
	{ "ausser", EXCEPTION, "an exception", false },
	{ "sauf", EXCEPTION, "an exception", false },
	{ "salvo", EXCEPTION, "an exception", false },
	{ "nicht", EXCEPTION, NULL, false },
	{ "kein*", EXCEPTION, NULL, false },
	{ "sin", EXCEPTION, NULL, false },
	{ "sans", EXCEPTION, NULL, false },
	{ "кроме", EXCEPTION, "an exception", false },
	{ "Кроме", EXCEPTION, "an exception", false },
	{ "исключ*", EXCEPTION, "an exception", false },
	{ "Исключ*", EXCEPTION, "an exception", false },
	{ "не", EXCEPTION, NULL, false },
	{ "*例外*", EXCEPTION, "an exception", false },
	{ "*除外*", EXCEPTION, "an exception", false },
	{ "*예외*", EXCEPTION, "an exception", false },
	{ "exempt*", EXCEPTION, "an exception", false },
	{ "exclu*", EXCEPTION, "an exception", false },
	{ "bypass*", EXCEPTION, "an exception", false },
	{ "ignore*", EXCEPTION, "an exception", false },
	{ "skip*", EXCEPTION, "an exception", false },
	{ "before", EXCEPTION, NULL, false },
	{ "after", EXCEPTION, NULL, false },
	{ "always", EXCEPTION, NULL, false },
	{ "admin*", EXCEPTION, "an administrator's addresses", false },
	{ "mgmt", EXCEPTION, "an administrator's addresses", false },
	{ "management", EXCEPTION, "an administrator's addresses", false },
	{ "office*", EXCEPTION, "somebody's own addresses", false },
	{ "home", HOME, "somebody's own addresses", false },
	{ "trusted*", EXCEPTION, "trusted addresses", false },
	{ "friend*", EXCEPTION, "trusted addresses", false },
	{ "partner*", EXCEPTION, "trusted addresses", false },
	{ "customer*", EXCEPTION, "trusted addresses", false },
	{ "monitor*", EXCEPTION, "a monitoring service's addresses", false },
	{ "uptime*", EXCEPTION, "a monitoring service's addresses", false },
	{ "vpn*", EXCEPTION, "a tunnel's addresses", false },
	{ "wireguard*", EXCEPTION, "a tunnel's addresses", false },
	{ "lan", EXCEPTION, "local networks", false },
	{ "lans", EXCEPTION, "local networks", false },
	{ "local", EXCEPTION, "local networks", false },
	{ "localnet*", EXCEPTION, "local networks", false },
	{ "internal*", EXCEPTION, "local networks", false },
	{ "intranet*", EXCEPTION, "local networks", false },
	{ "private*", EXCEPTION, "private networks", true },
	{ "cloudflare*", EXCEPTION, "the addresses of a content network", false },
	{ "cloudfront*", EXCEPTION, "the addresses of a content network", false },
	{ "fastly*", EXCEPTION, "the addresses of a content network", false },
	{ "akamai*", EXCEPTION, "the addresses of a content network", false },
	{ "cdn*", EXCEPTION, "the addresses of a content network", false },
	{ "dhcp*", EXCEPTION, "a rule for DHCP", false },

	{ "bogon*", OTHER, "bogons: addresses that nobody has", true },
	{ "fullbogon*", OTHER, "bogons: addresses that nobody has", true },
	{ "martian*", OTHER, "martians: addresses that nobody has", true },
	{ "unrouted", OTHER, "bogons: addresses that nobody has", true },
	{ "reserved", OTHER, "reserved addresses", false },
	{ "multicast", OTHER, "multicast addresses", false },
	{ "spoof*", OTHER, "a guard against spoofed sources", true },
	{ "antispoof*", OTHER, "a guard against spoofed sources", true },
	{ "sshguard*", OTHER, "sshguard's", true },
	{ "crowdsec*", OTHER, "crowdsec's", true },
	{ "banned*", LISTED, "a list of banned addresses", false },
	{ "ban", LISTED, "a list of banned addresses", false },
	{ "bans", LISTED, "a list of banned addresses", false },
	{ "blacklist*", LISTED, "a blacklist", true },
	{ "blocklist*", LISTED, "a blocklist", true },
	{ "blackhole*", LISTED, "a blacklist", true },
	{ "denylist*", LISTED, "a blacklist", true },
	{ "droplist*", LISTED, "a blacklist", true },
	{ "bad*", LISTED, "a blacklist", false },
	{ "evil*", OTHER, "a blacklist", false },
	{ "hostile*", OTHER, "a list of hostile networks", true },
	{ "abuse*", OTHER, "a list of abusers", true },
	{ "spam*", OTHER, "a list of spammers", true },
	{ "antispam*", OTHER, "a list of spammers", true },
	{ "malware*", OTHER, "a list of attackers", true },
	{ "botnet*", OTHER, "a list of attackers", true },
	{ "bots", OTHER, "a list of robots", false },
	{ "crawler*", OTHER, "a list of robots", false },
	{ "scanner*", OTHER, "a list of attackers", true },
	{ "portscan*", OTHER, "a list of attackers", true },
	{ "attack*", OTHER, "a list of attackers", true },
	{ "brute*", OTHER, "a list of attackers", true },
	{ "ddos*", OTHER, "a guard against floods", true },
	{ "threat*", OTHER, "a list of attackers", true },
	{ "tor", OTHER, "the addresses of Tor", false },
	{ "feodo*", OTHER, "a list of attackers", false },
	{ "dshield*", OTHER, "a list of attackers", false },
	{ "ratelimit*", OTHER, "a rate limit", true },
	{ "limit*", OTHER, "a rate limit", true },
	{ "throttle*", OTHER, "a rate limit", true },
	{ "connlimit*", OTHER, "a limit of connections", true },
	{ "meter*", OTHER, "a rate limit", true },
	{ "*flood*", OTHER, "a guard against floods", true },
	{ "knock*", OTHER, "port knocking", true },
	{ "allowlist*", LISTED, "a list of exceptions", false },
	{ "whitelist*", LISTED, "a list of exceptions", false },
	{ "white", LISTED, "a list of exceptions", false },
	{ "safelist*", LISTED, "a list of exceptions", false },

	{ "cc", NEUTRAL, NULL, false },
	{ "ip", NEUTRAL, NULL, false },
	{ "ips", NEUTRAL, NULL, false },
	{ "ipv", NEUTRAL, NULL, false },
	{ "inet", NEUTRAL, NULL, false },
	{ "set", NEUTRAL, NULL, false },
	{ "list", NEUTRAL, NULL, false },
	{ "net", NEUTRAL, NULL, false },
	{ "nets", NEUTRAL, NULL, false },
	{ "network*", NEUTRAL, NULL, false },
	{ "subnet*", NEUTRAL, NULL, false },
	{ "dbip", NEUTRAL, NULL, false },
	{ "aggregated", NEUTRAL, NULL, false },
	{ "cidr*", NEUTRAL, NULL, false },
	{ "range*", NEUTRAL, NULL, false },
	{ "zone*", NEUTRAL, NULL, false },
	{ "addr*", NEUTRAL, NULL, false },
	{ "saddr", NEUTRAL, NULL, false },
	{ "src", NEUTRAL, NULL, false },
	{ "source*", NEUTRAL, NULL, false },
	{ "from", NEUTRAL, NULL, false },
	{ "block*", NEUTRAL, NULL, false },
	{ "deny", NEUTRAL, NULL, false },
	{ "denied", NEUTRAL, NULL, false },
	{ "drop*", NEUTRAL, NULL, false },
	{ "reject*", NEUTRAL, NULL, false },
	{ "allow", NEUTRAL, NULL, false },
	{ "allowed", NEUTRAL, NULL, false },
	{ "accept*", NEUTRAL, NULL, false },
	{ "permit*", NEUTRAL, NULL, false },
	{ "filter*", NEUTRAL, NULL, false },
	{ "policy", NEUTRAL, NULL, false },
	{ "all", NEUTRAL, NULL, false },
	{ "and", NEUTRAL, NULL, false },
	{ "ipblock*", NEUTRAL, NULL, false },
	{ "iplist*", NEUTRAL, NULL, false },
	{ "ipset*", NEUTRAL, NULL, false },
	{ "web", SERVICE, NULL, false },
	{ "http", SERVICE, NULL, false },
	{ "https", SERVICE, NULL, false },
	{ "ssh", SERVICE, NULL, false },
	{ "smtp", SERVICE, NULL, false },
	{ "mail", SERVICE, NULL, false },
	{ "tcp", NEUTRAL, NULL, false },
	{ "udp", NEUTRAL, NULL, false },
	{ "port", NEUTRAL, NULL, false },
	{ "ports", NEUTRAL, NULL, false },
	{ "input", NEUTRAL, NULL, false },
	{ "wan", NEUTRAL, NULL, false },
	{ "inbound", NEUTRAL, NULL, false },
	{ "incoming", NEUTRAL, NULL, false },
	{ "ingress", NEUTRAL, NULL, false },
	{ "public", NEUTRAL, NULL, false },
	{ "north", NEUTRAL, NULL, false },
	{ "south", NEUTRAL, NULL, false },
	{ "republic", NEUTRAL, NULL, false },
	{ "federation", NEUTRAL, NULL, false },
	{ "united", NEUTRAL, NULL, false },
	{ "new", NEUTRAL, NULL, false },
	{ "the", NEUTRAL, NULL, false },
	{ "of", NEUTRAL, NULL, false },
	{ "only", NEUTRAL, NULL, false },
};
#define N_MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

/* ISO 3166-1 alpha-2, and XK and EU, for which zone files exist. */
static const char codes[] =
	" ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq"
	" br bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm"
	" do dz ec ee eg eh er es et fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs"
	" gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn"
	" kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq"
	" mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm"
	" pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv"
	" sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug um us uy uz va vc ve vg vi"
	" vn vu wf ws ye yt za zm zw xk eu ";
/* Full names and three letters, for what is blocked or let through most. */
static const char *const country_names[] = {
	"russia",  "russian",   "china",     "chinese",  "iran",        "korea",     "belarus",
	"ukraine", "germany",   "austria",   "france",   "italy",       "spain",     "portugal",
	"poland",  "romania",   "bulgaria",  "sweden",   "norway",      "denmark",   "finland",
	"iceland", "ireland",   "england",   "britain",  "kingdom",     "canada",    "mexico",
	"brazil",  "argentina", "india",     "pakistan", "vietnam",     "thailand",  "indonesia",
	"japan",   "taiwan",    "singapore", "syria",    "cuba",        "turkey",    "israel",
	"egypt",   "nigeria",   "australia", "zealand",  "netherlands", "belgium",   "switzerland",
	"czechia", "hungary",   "greece",    "emirates", "kazakhstan",  "venezuela", "monaco",
	"rus",     "chn",       "prk",       "irn",      "usa",         "deu",       "fra",
	"gbr",     "asia",      "europe",    "africa",   "oceania",     "america",   "americas",
	"dach",
};
#define N_COUNTRY_NAMES (sizeof(country_names) / sizeof(country_names[0]))

/*
 * "in", "no", "to": common words; "ad", "ai", "bl", "et" (Emerging Threats), "ms", "ps": things
 * that are blocked as well.
 */
static const char word_codes[] =
	" ad ai am as at be bl bt by cc do et id in io is me ms my na no pm "
	"ps re sc so tm to ";
/* Cloudflare, load balancers, mail exchangers, gateways, "us": let through, but no country. */
static const char short_codes[] =
	" cd cf ci co dm gw hr it la lb ma md ml mx pa pr qa sa sd sh sm sn sv tv us va vc vi ws ";

static bool
is_in(const char *list, const char *word)
{
	char padded[] = " xx ";

	if (strlen(word) != 2)
		return false;
	padded[1] = word[0];
	padded[2] = word[1];
	return strstr(list, padded) != NULL;
}

static size_t
meaning_of(const char *word)
{
	size_t i = 0;

	while (i < N_MEANINGS && fnmatch(meanings[i].pattern, word, 0) != 0)
		i++;
	return i;
}

/*
 * Reads one letter or digit: small, and without its accent if it is one of Latin-1, be that written
 * so or as UTF-8. Of other scripts: the next byte.
 */
static char
next_letter(const char **p)
{
	/* U+00C0 to U+00FF */
	static const char latin[] =
		"aaaaaaaceeeeiiiidnoooooxouuuuytsaaaaaaaceeeeiiiidnooooo-ouuuuyty";
	unsigned char c = (unsigned char)*(*p)++;
	bool continued = ((unsigned char)**p & 0xc0) == 0x80;

	if (c < 0xc0)
		return (char)tolower(c);
	if (!continued)
		return latin[c - 0xc0];
	return c == 0xc3 ? latin[*(*p)++ & 0x3f] : (char)c;
}

static bool
is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* True where the next word begins. */
static bool
is_boundary(char before, char after)
{
	unsigned char a = (unsigned char)before;
	unsigned char b = (unsigned char)after;

	if (!is_letter(after))
		return true;
	return (isdigit(a) != 0) != (isdigit(b) != 0) || (islower(a) && isupper(b));
}

static bool
is_country(const char *word)
{
	for (size_t i = 0; i < N_COUNTRY_NAMES; i++)
		if (strcmp(country_names[i], word) == 0)
			return true;
	return is_in(codes, word);
}

static void
count_code(struct words *w, const char *word)
{
	w->codes++;
	if (is_in(word_codes, word))
		w->word_codes++;
	else if (is_in(short_codes, word))
		w->short_codes++;
}

/* Norway is written NO; "no" says no. */
static void
count_word(struct words *w, const char *word, bool capitals, bool *home)
{
	size_t i = meaning_of(word);
	enum meaning meaning = i < N_MEANINGS ? meanings[i].meaning : UNKNOWN;

	if (is_country(word) && !(meaning == EXCEPTION && !capitals)) {
		count_code(w, word);
		return;
	}
	if (meaning == GEO)
		w->geo = true;
	else if (meaning == EXCEPTION)
		w->exception = true;
	else if (meaning == HOME)
		*home = true;
	else if (meaning == SERVICE)
		w->services++;
	else if (meaning == UNKNOWN)
		w->unknown++;
	if (meaning == OTHER)
		w->hard = true;
	if (i < N_MEANINGS && meanings[i].why != NULL && w->other == NULL) {
		w->other = meanings[i].why;
		w->other_is_place = meanings[i].place;
	}
}

/* Reads one word and returns what follows. */
static const char *
next_word(struct words *w, const char *p, bool *home)
{
	char word[WORD_MAX];
	size_t n = 0;
	bool capitals = true, plain = true;

	do {
		plain = plain && isascii((unsigned char)*p);
		capitals = capitals && isupper((unsigned char)*p);
		word[n] = next_letter(&p);
		n += n < sizeof(word) - 1;
	} while (!is_boundary(p[-1], *p));
	word[n] = '\0';
	if (n == 2 && !plain)
		w->unknown++; /* "là" is not Laos */
	else if (n > 1 && !isdigit((unsigned char)word[0]))
		count_word(w, word, capitals, home);
	return p;
}

struct words
words_read(const char *text)
{
	struct words w = { 0 };
	bool cc = false, home = false;

	for (const char *p = text; p != NULL && *p != '\0';) {
		if (!is_letter(*p)) {
			p++;
			continue;
		}
		if (strncasecmp(p, "cc", 2) == 0 && (p == text || is_boundary(p[-1], p[0])) &&
		    is_boundary(p[1], p[2]))
			cc = true;
		p = next_word(&w, p, &home);
	}
	w.dated = text != NULL && fnmatch("[A-Z][A-Z]_[46]_[0-9][0-9][0-9][0-9]*", text, 0) == 0;
	/* cc_ru, CC_DE: the code of a country; "cc" itself was counted as one. */
	if (cc && w.codes > 1 && w.unknown == 0)
		w.geo = true;
	if (home && w.geo)
		w.unknown++; /* of a home in that country, perhaps */
	else if (home)
		w.exception = true;
	return w;
}
