/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Three-way merges, each from texts as Debian writes them. */

#include "../unit.h"
#include "stack/alternative.h"
#include "stack/merge-debconf.h"
#include "stack/merge-lines.h"
#include "stack/merge-packages.h"
#include "stack/merge-users.h"

#include <errno.h>
#include <string.h>

/* @notes: "kind key: text" lines, in their order. */
static void check(TextMerge merge, const MergeTexts *texts, const char *expected,
                  const char *expected_notes)
{
        static const char *const kinds[] = { "conflict", "pinned", "clash" };
        _cleanup_buffer_ Buffer out = BUFFER_NULL, said = BUFFER_NULL;
        _cleanup_merge_notes_ MergeNotes notes = MERGE_NOTES_NULL;

        assert_int_equal(merge(texts, &out, &notes), 0);
        assert_string_equal(out.data ?: "", expected);
        for (size_t i = 0; i < notes.n; i++)
                buffer_printf(&said, "%s %s: %s\n", kinds[notes.list[i].kind], notes.list[i].key,
                              notes.list[i].text);
        assert_string_equal(said.data ?: "", expected_notes);
}

#define BASE_PASSWD "root:x:0:0:root:/root:/bin/bash\ngames:x:5:60::/usr/games:/bin/sh\n"

static void test_passwd_of_both(void **state)
{
        check(merge_passwd,
              &(MergeTexts){
                      BASE_PASSWD, BASE_PASSWD "haproxy:x:101:102::/var/lib/haproxy:/bin/false\n",
                      "root:x:0:0:root:/root:/bin/bash\nsshd:x:103:65534::/run/sshd:/bin/false\n" },
              "root:x:0:0:root:/root:/bin/bash\n"
              "sshd:x:103:65534::/run/sshd:/bin/false\n"
              "haproxy:x:101:102::/var/lib/haproxy:/bin/false\n",
              "");
}

static void test_passwd_clash(void **state)
{
        check(merge_passwd,
              &(MergeTexts){ BASE_PASSWD,
                             BASE_PASSWD "redis:x:101:102::/var/lib/redis:/bin/false\n",
                             BASE_PASSWD "haproxy:x:101:102::/var/lib/haproxy:/bin/false\n" },
              BASE_PASSWD "haproxy:x:101:102::/var/lib/haproxy:/bin/false\n"
                          "redis:x:101:102::/var/lib/redis:/bin/false\n",
              "clash redis: 101 is both haproxy and redis\n");
        /* meant so by one side */
        check(merge_passwd,
              &(MergeTexts){ NULL, "root:x:0:0::/:\ntoor:x:0:0::/:\n", "root:x:0:0::/:\n" },
              "root:x:0:0::/:\ntoor:x:0:0::/:\n", "");
}

static void test_passwd_by_field(void **state)
{
        check(merge_passwd,
              &(MergeTexts){ "www:x:33:33:www:/var/www:/bin/sh\n", "www:x:33:33:www:/srv:/bin/sh\n",
                             "www:x:33:33:www:/var/www:/usr/sbin/nologin\n" },
              "www:x:33:33:www:/srv:/usr/sbin/nologin\n", "");
        check(merge_passwd,
              &(MergeTexts){ "www:x:33:33:www:/var/www:/bin/sh\n",
                             "www:x:33:33:www:/srv:/bin/bash\n", "www:x:33:33:WWW:/data:/bin/sh" },
              "www:x:33:33:WWW:/srv:/bin/bash\n",
              "conflict www: 'www:x:33:33:www:/srv:/bin/bash' here, "
              "'www:x:33:33:WWW:/data:/bin/sh' "
              "below\n");
        check(merge_passwd,
              &(MergeTexts){ "a:x:1:1:::\nb:x:2:2:::\n", "b:x:2:2:::\n",
                             "a:x:1:9:::\nb:x:2:2:::\n" },
              "b:x:2:2:::\n", "conflict a: removed here, 'a:x:1:9:::' below\n");
}

static void test_group_members(void **state)
{
        check(merge_group,
              &(MergeTexts){ "adm:x:4:joe,ann\nsudo:x:27:\n", "adm:x:4:joe,ann,web\nsudo:x:27:\n",
                             "adm:x:4:joe,log\nsudo:x:27:ann\n" },
              "adm:x:4:joe,log,web\nsudo:x:27:ann\n", "");
}

static void test_shadow_says_no_secret(void **state)
{
        check(merge_shadow,
              &(MergeTexts){ "root:*:1::::::\n", "root:$y$ours:1::::::\n",
                             "root:$y$theirs:1::::::\n" },
              "root:$y$ours:1::::::\n", "conflict root: changed on both sides\n");
        check(merge_gshadow, &(MergeTexts){ "adm:*::joe\n", "adm:*::joe,a\n", "adm:*::joe,b\n" },
              "adm:*::joe,b,a\n", "");
}

static void test_subordinate(void **state)
{
        check(merge_subordinate,
              &(MergeTexts){ NULL, "joe:100000:65536\njoe:300000:10\n", "ann:160000:65536\n" },
              "ann:160000:65536\njoe:100000:65536\njoe:300000:10\n",
              "clash ann: 160000 is both joe and ann\n");
}

#define STANZA(name, version, status) \
        "Package: " name "\nStatus: " status "\nArchitecture: amd64\nVersion: " version "\n\n"
#define INSTALLED "install ok installed"

static void test_status_of_a_new_base(void **state)
{
        check(merge_dpkg_status,
              &(MergeTexts){
                      STANZA("libssl3", "3.0.17-1", INSTALLED) STANZA("zlib1g", "1.2", INSTALLED),
                      STANZA("haproxy", "2.6", INSTALLED) STANZA("libssl3", "3.0.17-1", INSTALLED)
                              STANZA("zlib1g", "1.2", INSTALLED),
                      STANZA("libssl3", "3.0.19-1", INSTALLED) STANZA("tzdata", "2026", INSTALLED)
                              STANZA("zlib1g", "1.2", INSTALLED) },
              STANZA("libssl3", "3.0.19-1", INSTALLED) STANZA("tzdata", "2026", INSTALLED)
                      STANZA("zlib1g", "1.2", INSTALLED) STANZA("haproxy", "2.6", INSTALLED),
              "");
}

static void test_status_keeps_a_hold(void **state)
{
        check(merge_dpkg_status,
              &(MergeTexts){ STANZA("a", "1", INSTALLED), STANZA("a", "1", "hold ok installed"),
                             STANZA("a", "2", INSTALLED) },
              STANZA("a", "2", "hold ok installed"), "");
        /* only the triggers differ: theirs */
        check(merge_dpkg_status,
              &(MergeTexts){ STANZA("a", "1", INSTALLED),
                             STANZA("a", "1", "install ok triggers-pending"),
                             STANZA("a", "2", INSTALLED) },
              STANZA("a", "2", INSTALLED), "");
}

static void test_status_pinned(void **state)
{
        check(merge_dpkg_status,
              &(MergeTexts){ STANZA("a", "1", INSTALLED) STANZA("b", "1", INSTALLED)
                                     STANZA("c", "1", INSTALLED),
                             STANZA("a", "2", INSTALLED) STANZA("b", "4", INSTALLED),
                             STANZA("a", "3", INSTALLED) STANZA("b", "3", INSTALLED)
                                     STANZA("c", "2", INSTALLED) },
              STANZA("a", "2", INSTALLED) STANZA("b", "4", INSTALLED),
              "pinned a:amd64: 2 here, 3 below\n"
              "conflict c:amd64: removed here, 2 below\n");
}

static void test_status_of_two_apps(void **state)
{
        check(merge_dpkg_copy,
              &(MergeTexts){ NULL, STANZA("a", "1", INSTALLED), STANZA("b", "1", INSTALLED) },
              STANZA("b", "1", INSTALLED) STANZA("a", "1", INSTALLED), "");
        check(merge_apt_states,
              &(MergeTexts){ NULL, "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n",
                             "Package: b\nArchitecture: amd64\nAuto-Installed: 1\n\n" },
              "Package: b\nArchitecture: amd64\nAuto-Installed: 1\n\n"
              "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n",
              "");
}

static void test_broken_text(void **state)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_merge_notes_ MergeNotes notes = MERGE_NOTES_NULL;

        assert_int_equal(merge_dpkg_status(&(MergeTexts){ .ours = "no stanza\n" }, &out, &notes),
                         -EBADMSG);
        assert_int_equal(merge_diversions(&(MergeTexts){ .ours = "/a\n/b\n" }, &out, &notes),
                         -EBADMSG);
        assert_int_equal(merge_alternative(&(MergeTexts){ .ours = "auto\n" }, &out, &notes),
                         -EBADMSG);
        assert_int_equal(
                merge_passwd(&(MergeTexts){ .base = "a:1\n",
                                            .ours = "a:2\n",
                                            .theirs = "a:1:2:3:4:5:6:7:8:9:10:11:12:13\n" },
                             &out, &notes),
                -EBADMSG);
}

static void test_debconf(void **state)
{
        check(merge_debconf,
              &(MergeTexts){
                      "Name: a/b\nTemplate: a/b\nValue: x\nOwners: p\n\n",
                      "Name: a/b\nTemplate: a/b\nValue: x\nOwners: p, nginx\nFlags: seen\n\n",
                      "Name: a/b\nTemplate: a/b\nValue: y\nOwners: p, q\nVariables:\n v = 1\n w = "
                      "2\n\n" },
              "Name: a/b\nTemplate: a/b\nValue: y\nOwners: p, q, nginx\nVariables:\n v = 1\n w = "
              "2\n"
              "Flags: seen\n\n",
              "");
        check(merge_debconf,
              &(MergeTexts){ "Name: pw\nValue: 1\n\n", "Name: pw\nValue: 2\n\n",
                             "Name: pw\nValue: 3\n\n" },
              "Name: pw\nValue: 2\n\n", "conflict pw: answered on both sides\n");
}

static void test_lines(void **state)
{
        check(merge_line_set,
              &(MergeTexts){ "/bin/sh\n/bin/old\n", "/bin/sh\n/bin/old\n/bin/fish\n",
                             "/bin/sh\n/bin/zsh\n" },
              "/bin/sh\n/bin/zsh\n/bin/fish\n", "");
        check(merge_word_lines, &(MergeTexts){ NULL, "ldconfig a\n", "ldconfig b\n/x c\n" },
              "ldconfig b a\n/x c\n", "");
        check(merge_ucf,
              &(MergeTexts){ "11  /etc/a\n", "22  /etc/a\n33  /etc/b\n", "44  /etc/a\n" },
              "22  /etc/a\n33  /etc/b\n",
              "conflict /etc/a: '22  /etc/a' here, '44  /etc/a' below\n");
        check(merge_statoverride,
              &(MergeTexts){ "root a 2755 /x y\n",
                             "root a 2755 /x y\nredis adm 750 /var/log/redis\n",
                             "root b 2755 /x y\n" },
              "root b 2755 /x y\nredis adm 750 /var/log/redis\n", "");
        check(merge_diversions,
              &(MergeTexts){ "/bin/sh\n/bin/sh.distrib\ndash\n",
                             "/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.old\n:\n",
                             "/bin/sh\n/bin/sh.usr\nusr\n" },
              "/bin/sh\n/bin/sh.usr\nusr\n/usr/bin/x\n/usr/bin/x.old\n:\n", "");
}

#define EDITOR_BASE                                                                        \
        "auto\n/usr/bin/editor\neditor.1.gz\n/usr/share/man/man1/editor.1.gz\n\n/bin/ed\n" \
        "-100\n/usr/share/man/man1/ed.1.gz\n\n"
#define EDITOR_NANO                                                                        \
        "auto\n/usr/bin/editor\neditor.1.gz\n/usr/share/man/man1/editor.1.gz\n\n/bin/ed\n" \
        "-100\n/usr/share/man/man1/ed.1.gz\n/bin/nano\n40\n/usr/share/man/man1/nano.1.gz\n\n"
#define EDITOR_VIM                             \
        "manual\n/usr/bin/editor\n\n/bin/ed\n" \
        "-90\n/usr/bin/vim\n50\n\n"

static void test_alternative(void **state)
{
        check(merge_alternative, &(MergeTexts){ EDITOR_BASE, EDITOR_NANO, EDITOR_VIM },
              "manual\n/usr/bin/editor\n\n/bin/ed\n-90\n/bin/nano\n40\n/usr/bin/vim\n50\n\n", "");
        check(merge_alternative, &(MergeTexts){ EDITOR_BASE, EDITOR_BASE, EDITOR_NANO },
              EDITOR_NANO, "");
        check(merge_alternative, &(MergeTexts){ EDITOR_BASE, NULL, EDITOR_BASE }, "", "");
}

static bool is_there(const char *path, void *userdata)
{
        return !strstr(userdata, path);
}

static void test_choice(void **state)
{
        _cleanup_alternative_ Alternative a = ALTERNATIVE_NULL;
        char none[] = "", nano[] = "/bin/nano", all[] = "/bin/nano /bin/ed";

        assert_int_equal(alternative_parse(EDITOR_NANO, &a), 0);
        assert_string_equal(alternative_choose(&a, "/bin/ed", is_there, none)->path, "/bin/nano");
        assert_string_equal(alternative_choose(&a, "/bin/ed", is_there, nano)->path, "/bin/ed");
        a.automatic = false;
        assert_string_equal(alternative_choose(&a, "/bin/ed", is_there, none)->path, "/bin/ed");
        assert_string_equal(alternative_choose(&a, "/bin/gone", is_there, none)->path, "/bin/nano");
        assert_null(alternative_choose(&a, NULL, is_there, all));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_passwd_of_both),
                cmocka_unit_test(test_passwd_clash),
                cmocka_unit_test(test_passwd_by_field),
                cmocka_unit_test(test_group_members),
                cmocka_unit_test(test_shadow_says_no_secret),
                cmocka_unit_test(test_subordinate),
                cmocka_unit_test(test_status_of_a_new_base),
                cmocka_unit_test(test_status_keeps_a_hold),
                cmocka_unit_test(test_status_pinned),
                cmocka_unit_test(test_status_of_two_apps),
                cmocka_unit_test(test_broken_text),
                cmocka_unit_test(test_debconf),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_alternative),
                cmocka_unit_test(test_choice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
