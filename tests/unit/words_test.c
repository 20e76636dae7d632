/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <string.h>

#include "words.h"

static void
words_are_told(void **state)
{
	static const struct {
		const char *text;
		bool geo, exception, other;
		size_t codes, unknown;
	} cases[] = {
		{ "geo", true, false, false, 0, 0 },
		{ "geo4", true, false, false, 0, 0 },
		{ "GeoIPBlock", true, false, false, 0, 0 },
		{ "blockcountry6", true, false, false, 0, 0 },
		{ "countryblock-ru4", true, false, false, 1, 0 },
		{ "my_geo", true, false, false, 1, 0 },
		{ "george", false, false, false, 0, 1 },
		{ "geothermal", false, false, false, 0, 1 },
		{ "geopause", false, false, false, 0, 1 },
		{ "RU_4_2026-11-23", false, false, false, 1, 0 },
		{ "ru6", false, false, false, 1, 0 },
		{ "fromCn", false, false, false, 1, 0 },
		{ "block_russia", false, false, false, 1, 0 },
		{ "cc_ru", true, false, false, 2, 0 },
		{ "cc_6_ru", true, false, false, 2, 0 },
		{ "cc", false, false, false, 1, 0 },
		{ "acc_ru", false, false, false, 1, 1 },
		{ "no geo", true, true, false, 0, 0 },
		{ "geoip NO", true, false, false, 1, 0 },
		{ "geo_trusted", true, true, true, 0, 0 },
		{ "home", false, true, true, 0, 0 },
		{ "home_countries", true, false, true, 0, 1 },
		{ "cn_subnets_aggregated", false, false, false, 1, 0 },
		{ "blocked_nations", true, false, false, 0, 0 },
		{ "europe4", false, false, false, 1, 0 },
		{ "blacklist4", false, false, true, 0, 0 },
		{ "rate-limited", false, false, true, 0, 1 },
		{ "ratelimited", false, false, true, 0, 0 },
		{ "NAME_WAN-LOCAL", false, true, true, 0, 1 },
		{ "s4", false, false, false, 0, 0 },
		{ "\xff\xfe geo \xc3\xa9", true, false, false, 0, 1 },
		{ "là dé", false, false, false, 0, 2 },
		{ "Länder", true, false, false, 0, 0 },
		{ "L\xe4nder", true, false, false, 0, 0 },
		{ "LÄNDERSPERRE", true, false, false, 0, 0 },
		{ "keine Länder", true, true, false, 0, 0 },
		{ "países-bloqueados", true, false, false, 0, 1 },
		{ "géoblocage", true, false, false, 0, 0 },
		{ "Страны", true, false, false, 0, 0 },
		{ "кроме стран", true, true, true, 0, 0 },
		{ "国家封锁", true, false, false, 0, 0 },
		{ "ru\xc3", false, false, false, 0, 1 },
		{ "de×at", false, false, false, 0, 1 },
		{ "", false, false, false, 0, 0 },
		{ NULL, false, false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct words w = words_read(cases[i].text);

		if (w.geo != cases[i].geo || w.exception != cases[i].exception ||
		    (w.other != NULL) != cases[i].other || w.codes != cases[i].codes ||
		    w.unknown != cases[i].unknown)
			fail_msg("%s: geo %d, exception %d, other %s, codes %zu, unknown %zu",
				 cases[i].text, w.geo, w.exception,
				 w.other != NULL ? w.other : "no", w.codes, w.unknown);
	}
}

static void
long_words_are_cut(void **state)
{
	char big[4096];
	struct words w;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	w = words_read(big);
	assert_int_equal(w.unknown, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_told),
		cmocka_unit_test(long_words_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
