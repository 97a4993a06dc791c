/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of definition keys: what is written back for what was read, and what is refused. */

#include "parsed.h"

static const struct {
        const char *section, *key, *value;
        const char *shown; /* NULL: refused */
} rows[] = {
        { "Exec", "Boot", "on", "yes" },
        { "Exec", "Boot", "maybe", NULL },
        { "Exec", "PrivateUsers", "0", "0:65536" },
        { "Exec", "PrivateUsers", "1", "1:65536" },
        { "Exec", "PrivateUsers", "65536:1000", "65536:1000" },
        { "Exec", "PrivateUsers", "no", "no" },
        { "Exec", "PrivateUsers", "true", "yes" },
        { "Exec", "PrivateUsers", "pick", "pick" },
        { "Exec", "PrivateUsers", "4294967295", NULL },
        { "Exec", "PrivateUsers", "65536:", NULL },
        { "Exec", "PrivateUsers", "65536:0", NULL },
        { "Exec", "PrivateUsers", "x", NULL },
        { "Files", "Volatile", "yes", "yes" },
        { "Files", "Volatile", "off", "no" },
        { "Files", "Volatile", "help", NULL },
        { "Exec", "Parameters", "a 'b c' \"\"", "a \"b c\" \"\"" },
        { "Exec", "Parameters", "'a", NULL },
        { "Exec", "Environment", "A=1 'B=x y'", "A=1\n\"B=x y\"" },
        { "Exec", "Environment", "A", NULL },
        { "Exec", "Environment", "1A=2", NULL },
        { "Exec", "WorkingDirectory", "/srv//x/./y/", "/srv/x/y" },
        { "Exec", "WorkingDirectory", "srv", NULL },
        { "Exec", "WorkingDirectory", "/a/../b", NULL },
        { "Exec", "WorkingDirectory", "/proc/1", NULL },
        { "Exec", "WorkingDirectory", "/./proc//1", NULL },
        { "Exec", "WorkingDirectory", "/process", "/process" },
        { "Exec", "PivotRoot", "/a:/b", "/a:/b" },
        { "Exec", "PivotRoot", "/a:/../b", NULL },
        { "Exec", "PivotRoot", "/a:b", NULL },
        { "Exec", "PivotRoot", "/a:/b:/c", NULL },
        { "Exec", "KillSignal", "TERM", "SIGTERM" },
        { "Exec", "KillSignal", "SIGRTMIN+3", "SIGRTMIN+3" },
        { "Exec", "KillSignal", "SIGWHAT", NULL },
        { "Exec", "MachineID", "01234567-89ab-cdef-0123-456789abcdef",
          "0123456789abcdef0123456789abcdef" },
        { "Exec", "MachineID", "00000000000000000000000000000000", NULL },
        { "Exec", "Hostname", "web.example", "web.example" },
        { "Exec", "Hostname", "-web", NULL },
        { "Exec", "Hostname", "a..b", NULL },
        { "Exec", "User", "www-data", "www-data" },
        { "Exec", "User", "1000", "1000" },
        { "Exec", "User", "a:b", NULL },
        { "Exec", "StopTimeoutSec", "1min 30s", "90s" },
        { "Exec", "StopTimeoutSec", "250ms", "250000us" },
        { "Exec", "StopTimeoutSec", "soon", NULL },
        { "Exec", "StopMethod", "initctl", "initctl" },
        { "Exec", "StopMethod", "plead", NULL },
        { "Exec", "OOMScoreAdjust", "-1000", "-1000" },
        { "Exec", "OOMScoreAdjust", "1001", NULL },
        { "Exec", "CPUAffinity", "0-3, 5 7", "0-3,5,7" },
        { "Exec", "CPUAffinity", "3-1", NULL },
        { "Exec", "CPUAffinity", "1024", NULL },
        { "Exec", "CPUAffinity", "-", NULL },
        { "Exec", "Capability", "CAP_NET_ADMIN,sys_time", "CAP_NET_ADMIN CAP_SYS_TIME" },
        { "Exec", "Capability", "CAP_NOTHING", NULL },
        { "Exec", "AmbientCapability", "all", NULL },
        { "Exec", "SystemCallFilter", "~@mount reboot", "~@mount\n~reboot" },
        { "Exec", "SystemCallFilter", "keyctl ~reboot", "keyctl\n~reboot" },
        { "Exec", "SystemCallFilter", "~", NULL },
        { "Exec", "SystemCallFilter", "READ", NULL },
        { "Exec", "LimitNOFILE", "1024:4096", "1024:4096" },
        { "Exec", "LimitNOFILE", "infinity", "infinity" },
        { "Exec", "LimitNOFILE", "4096:1024", NULL },
        { "Exec", "LimitNOFILE", "1K", NULL },
        { "Exec", "LimitNOFILE", "1024:", NULL },
        { "Exec", "LimitCORE", "1M:infinity", "1048576:infinity" },
        { "Exec", "LimitCPU", "1min 1ms", "61" },
        { "Exec", "LimitRTTIME", "5ms", "5000" },
        { "Exec", "LimitNICE", "-5", "25" },
        { "Exec", "LimitNICE", "+19", "1" },
        { "Exec", "LimitNICE", "41", NULL },
        { "Exec", "SetCredential", "a:x\\x00\\n y", "a:x\\x00\\x0a\\x20y" },
        { "Exec", "SetCredential", "nocolon", NULL },
        { "Exec", "SetCredential", "a/b:x", NULL },
        { "Exec", "SetCredential", "a:\\q", NULL },
        { "Exec", "LoadCredential", "a:/run/secret", "a:/run/secret" },
        { "Exec", "LoadCredential", "a:other", "a:other" },
        { "Exec", "LoadCredential", "a:b/c", NULL },
        { "Files", "Bind", "/srv", "/srv:/srv" },
        { "Files", "Bind", "/a:/b/:norbind,idmap", "/a:/b:norbind,idmap" },
        { "Files", "Bind", "+/a:/b", "+/a:/b" },
        { "Files", "Bind", ":/b", ":/b" },
        { "Files", "Bind", "/a\\:b:/c\\\\d", "/a\\:b:/c\\\\d" },
        { "Files", "Bind", ":", NULL },
        { "Files", "Bind", "a:/b", NULL },
        { "Files", "Bind", "/a:b", NULL },
        { "Files", "Bind", "/a:/../b", NULL },
        { "Files", "Bind", "/a:/b:ro", NULL },
        { "Files", "Bind", "/a:/b:idmap:x", NULL },
        { "Files", "Bind", "/a:/b:map=1000:33", "/a:/b:rbind,map=1000:33" },
        { "Files", "Bind", "/a::norbind,map=0:5:10,map=10:0:5",
          "/a:/a:norbind,map=0:5:10,map=10:0:5" },
        { "Files", "Bind", "/a:/b:map=1000:33,idmap", "/a:/b:rbind,idmap,map=1000:33" },
        { "Files", "Bind", "/a:/b:umap=1:2,gmap=3:4", "/a:/b:rbind,umap=1:2,gmap=3:4" },
        { "Files", "Bind", "/a:/b:umap=1:2,gmap=1:2", "/a:/b:rbind,map=1:2" },
        { "Files", "Bind", "/a:/b:umap=1:2", "/a:/b:rbind,umap=1:2" },
        { "Files", "Bind", "/a:/b:map=1000", NULL },
        { "Files", "Bind", "/a:/b:map=1000:33:0", NULL },
        { "Files", "Bind", "/a:/b:map=1000:33:1:1", NULL },
        { "Files", "Bind", "/a:/b:map=:33", NULL },
        { "Files", "Bind", "/a:/b:map=1::33", NULL },
        { "Files", "Bind", "/a:/b:map=www-data:33", NULL },
        { "Files", "Bind", "/a:/b:map=4294967295:0", NULL },
        { "Files", "Bind", "/a:/b:map=0:4294967294:2", NULL },
        { "Files", "Bind", "/a:/b:map=0:100:10,map=9:300", NULL },
        { "Files", "Bind", "/a:/b:map=0:100:10,map=50:109", NULL },
        { "Files", "Bind", "/a:/b:map=0:100,umap=0:3", NULL },
        { "Files", "Bind", "/a:/b:noidmap,map=1:2", NULL },
        { "Files", "Bind", "/a:/b:map=1:2,rootidmap", NULL },
        { "Files", "BindReadOnly", "/a:/b:owneridmap", "/a:/b:rbind,owneridmap" },
        { "Files", "BindUser", "lennart anna", "lennart anna" },
        { "Files", "BindUser", "0", NULL },
        { "Files", "TemporaryFileSystem", "/var/tmp:mode=1777,size=10%",
          "/var/tmp:mode=1777,size=10%" },
        { "Files", "TemporaryFileSystem", "/", NULL },
        { "Files", "TemporaryFileSystem", "//./", NULL },
        { "Files", "Inaccessible", "/boot", "/boot" },
        { "Files", "Inaccessible", "/", NULL },
        { "Files", "Overlay", "/a:/b", "/a:/b:/b" },
        { "Files", "Overlay", "+/a:/b::/d", "+/a:/b::/d" },
        { "Files", "Overlay", "/a", NULL },
        { "Files", "Overlay", ":/a:/d", NULL },
        { "Files", "OverlayReadOnly", "/a:/b:/d", "/a:/b:/d" },
        { "Files", "OverlayReadOnly", "/a::/d", NULL },
        { "Image", "Directory", "/srv//tree/", "/srv/tree" },
        { "Image", "Directory", "tree", NULL },
        { "Network", "Private", "yes", "yes" },
        { "Exec", "LinkJournal", "off", "no" },
        { "Exec", "ResolvConf", "bind-stub", "bind-stub" },
        { "Exec", "ResolvConf", "bind", NULL },
        { "Exec", "ContainerService", "two words", NULL },
};

static void test_values(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Option *o = option_by_key(rows[i].section, rows[i].key);
                _cleanup_settings_ Settings *s = NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                _cleanup_buffer_ Buffer shown = BUFFER_NULL;
                int r;

                assert_non_null(o);
                assert_int_equal(settings_new(&s), 0);
                r = o->parse(o, rows[i].value, "test", s, &error);
                if ((r >= 0) != (rows[i].shown != NULL))
                        fail_msg("%s=%s: %d %s", rows[i].key, rows[i].value, r, error.message);
                if (r < 0) {
                        assert_non_null(error.message);
                        continue;
                }
                assert_int_equal(o->format(o, s, &shown), 0);
                assert_string_equal(shown.data, rows[i].shown);
        }
}

/* What is written can be read again, and then means the same. */
static void test_written_is_readable(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Option *o = option_by_key(rows[i].section, rows[i].key);
                _cleanup_settings_ Settings *s = NULL;
                _cleanup_strv_ char **lines = NULL;
                _cleanup_buffer_ Buffer shown = BUFFER_NULL;

                if (!rows[i].shown)
                        continue;
                assert_int_equal(settings_new(&s), 0);
                assert_int_equal(strv_split(rows[i].shown, "\n", &lines), 0);
                STRV_FOREACH (line, lines)
                        assert_int_equal(o->parse(o, *line, "test", s, NULL), 0);
                assert_int_equal(o->format(o, s, &shown), 0);
                assert_string_equal(shown.data, rows[i].shown);
        }
}

static void test_credentials_are_binary(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s =
                parse_words("--set-credential=a:one|--set-credential=b:x\\x00y|"
                            "--load-credential=a:/f",
                            &error);

        assert_non_null(s);
        assert_int_equal(s->n_credentials, 2);
        assert_string_equal(s->credentials[0].path, "/f"); /* the later of one id */
        assert_null(s->credentials[0].data);
        assert_int_equal(s->credentials[1].size, 3);
        assert_memory_equal(s->credentials[1].data, "x\0y", 3);
}

static void test_names(void **state)
{
        static const char *const good[] = { "a", "web-1.example", "a_b", "9" };
        static const char *const bad[] = { "",   ".",    "..",   "a.",  ".a",  "a..b", "-a",
                                           "a-", "a-.b", "a.-b", "a/b", "a b", "ä" };
        static const char *const paths[][2] = {
                { "/var/lib/machines/web/", "web" },
                { "/x/My Tree", "MyTree" },
                { "/x/.#hidden", "hidden" },
                { "/x/a--.b", "a.b" },
                { "/", NULL },
                { "/x/..", NULL },
        };
        char longest[66] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(machine_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(machine_name_is_valid(bad[i]));
        memset(longest, 'a', 64);
        assert_true(machine_name_is_valid(longest));
        longest[64] = 'a';
        assert_false(machine_name_is_valid(longest));
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_free_ char *name = NULL;
                int r = machine_name_from_path(paths[i][0], &name);

                assert_int_equal(r, paths[i][1] ? 0 : -EINVAL);
                if (paths[i][1])
                        assert_string_equal(name, paths[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_written_is_readable),
                cmocka_unit_test(test_credentials_are_binary),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
