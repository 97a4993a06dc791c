/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of one definition: sections, keys, comments and continued lines as systemd's unit files
 * have them. Every value is checked when it is read, and every mistake told with its line. */

#include "base/nearest.h"
#include "config/definition.h"
#include "config/health-setting.h"
#include "config/later-option.h"
#include "config/option-parse.h"
#include "config/passed-key.h"

#include <string.h>

/* Sections whose keys are handed on to systemd, or belong to another program of ours. */
static const char *const passed_sections[] = { "Unit", "Service", "Install", "Resources",
                                               "Health" };
static const char *const own_sections[] = { "Image", "Exec", "Files", "Network" };
static const char *const pod_sections[] = { "Unit", "Network", "Health", "Resources", "Install" };

typedef struct Reader {
        Definition *definition;
        const char *path;
        DefinitionDialect dialect;
        Diagnostics *diagnostics;
        unsigned line;
        char *section;     /* NULL before the first */
        bool skip_section; /* "X-..." or unknown */
        bool failed;       /* out of memory */
} Reader;

static bool is_nspawn(const Reader *reader)
{
        return reader->dialect == DEFINITION_NSPAWN ||
               reader->dialect == DEFINITION_NSPAWN_UNTRUSTED;
}

static bool is_pod(const Reader *reader)
{
        return reader->dialect == DEFINITION_POD;
}

static void origin_text(const Reader *reader, Buffer *out)
{
        buffer_printf(out, "%s:%u", reader->path, reader->line);
}

/* Takes @error, which says what is wrong on the current line. */
static void report(Reader *reader, DiagnosticSeverity severity, Error *error)
{
        _cleanup_buffer_ Buffer origin = BUFFER_NULL;

        origin_text(reader, &origin);
        if (buffer_error(&origin) < 0 ||
            diagnostics_add(reader->diagnostics, severity, origin.data, error) < 0)
                reader->failed = true;
        error_done(error);
}

/* What systemd-nspawn skips with a warning is a warning in its files, and an error in ours. */
static DiagnosticSeverity lenient(const Reader *reader)
{
        return is_nspawn(reader) ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR;
}

static bool listed(const char *const *list, size_t n, const char *s)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i], s) == 0)
                        return true;
        return false;
}

/* Offers @nearest all that there are. */
static bool section_is_known(const Reader *reader, Nearest *nearest)
{
        static const struct {
                const char *const *list;
                size_t n;
                bool pod;
        } lists[] = {
                { own_sections, ELEMENTSOF(own_sections), false },
                { passed_sections, ELEMENTSOF(passed_sections), false },
                { pod_sections, ELEMENTSOF(pod_sections), true },
        };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                if (lists[i].pod != is_pod(reader))
                        continue;
                if (listed(lists[i].list, lists[i].n, reader->section))
                        return true;
                for (size_t k = 0; k < lists[i].n; k++)
                        nearest_offer(nearest, lists[i].list[k]);
        }
        return false;
}

static void read_section(Reader *reader, const char *text, size_t n)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Nearest nearest;

        free(reader->section);
        reader->section = n >= 2 ? strndup(text + 1, n - 2) : NULL;
        reader->skip_section = true;
        if (text[n - 1] != ']' || n < 3) {
                (void)error_set(&error, EINVAL, "a section must be written [Name]");
                report(reader, DIAGNOSTIC_ERROR, &error);
                return;
        }
        if (!reader->section) {
                reader->failed = true;
                return;
        }
        if (strncmp(reader->section, "X-", 2) == 0)
                return; /* reserved for other programs, as everywhere in systemd */
        nearest = NEAREST(reader->section);
        if (section_is_known(reader, &nearest)) {
                reader->skip_section = false;
                return;
        }
        (void)error_set(&error, EINVAL, "there is no section [%s]%s", reader->section,
                        is_pod(reader) ? " in a pod" : "");
        if (nearest.best)
                error_hint(&error, "[%s]", nearest.best);
        report(reader, lenient(reader), &error);
}

/* Drops what was said of the key before. */
static void forget_passed(Definition *d, const char *section, const char *key)
{
        size_t kept = 0;

        for (size_t i = 0; i < d->n_passed; i++) {
                PassedKey *k = &d->passed[i];

                if (strcmp(k->section, section) != 0 || strcmp(k->key, key) != 0)
                        d->passed[kept++] = *k;
                else
                        passed_key_done(k);
        }
        d->n_passed = kept;
}

static void add_passed(Reader *reader, const char *key, const char *value)
{
        _cleanup_buffer_ Buffer origin = BUFFER_NULL;
        Definition *d = reader->definition;
        PassedKey *grown = reallocarray(d->passed, d->n_passed + 1, sizeof(*grown)), *k;

        if (!grown) {
                reader->failed = true;
                return;
        }
        d->passed = grown;
        k = &grown[d->n_passed++];
        origin_text(reader, &origin);
        *k = (PassedKey){ .section = strdup(reader->section),
                          .key = strdup(key),
                          .value = strdup(value),
                          .origin = buffer_steal(&origin) };
        if (!k->section || !k->key || !k->value || !k->origin)
                reader->failed = true;
}

/* What is wrong with a key of a pod; the rest is as in a definition of a machine. */
static int check_pod_key(const Reader *reader, const char *key, const char *value, Error *error)
{
        HealthSetting scratch = HEALTH_SETTING_NULL;
        int r;

        if (strcmp(reader->section, "Install") == 0 && strcmp(key, "Alias") == 0)
                return error_set(error, EINVAL, "a pod has no other names; drop Alias=");
        if (strcmp(reader->section, "Health") != 0)
                return 0;
        r = health_setting_assign(&scratch, key, value, error);
        health_setting_done(&scratch);
        return r;
}

static void pass_key(Reader *reader, const char *key, const char *value)
{
        _cleanup_error_ Error error = ERROR_NULL;
        DiagnosticSeverity severity;
        int r;

        if (later_key(reader->section, key)) {
                (void)error_set(&error, EOPNOTSUPP, "%s= is not supported by this version", key);
                report(reader, DIAGNOSTIC_ERROR, &error);
                return;
        }
        r = is_pod(reader) ? check_pod_key(reader, key, value, &error) : 0;
        severity = DIAGNOSTIC_ERROR;
        if (r >= 0)
                r = passed_key_check(reader->definition->name ?: "", reader->section, key, value,
                                     &severity, &error);
        if (r < 0) {
                if (error.number == 0)
                        (void)error_set(&error, ENOMEM, "out of memory");
                report(reader, severity, &error);
        }
        if (r < 0 && severity == DIAGNOSTIC_ERROR)
                return;
        if (passed_key_replaces(reader->section, key) || passed_key_resets(reader->section, value))
                forget_passed(reader->definition, reader->section, key);
        if (!passed_key_resets(reader->section, value))
                add_passed(reader, key, value);
}

/* An existing .nspawn file must be honoured as far as it can, and never be less isolated for it. */
static void read_later_key(Reader *reader, const LaterKey *later, const char *value)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer origin = BUFFER_NULL;
        bool asked = *value != '\0' && parse_boolean(value) != 0;

        if (is_nspawn(reader) && !asked)
                return; /* "VirtualEthernet=no" asks for what is the case */
        (void)error_set(&error, EOPNOTSUPP, "%s= is not supported by this version%s", later->key,
                        is_nspawn(reader) && later->private_network
                                ? "; the machine gets a private network without it"
                                : "");
        report(reader, lenient(reader), &error);
        if (!is_nspawn(reader) || !later->private_network)
                return;
        origin_text(reader, &origin);
        if (buffer_error(&origin) < 0 ||
            assignments_add(&reader->definition->assignments, option_by_key("Network", "Private"),
                            "yes", origin.data, true) < 0)
                reader->failed = true;
}

/* Whether a row is a key of what is read. */
static bool is_ours(const Reader *reader, const Option *o)
{
        return o->key && o->holder != (is_pod(reader) ? OPTION_OF_MACHINE : OPTION_OF_POD);
}

/* A key of pods in a machine, or of machines in a pod. */
static void foreign_key(Reader *reader, const char *key)
{
        _cleanup_error_ Error error = ERROR_NULL;

        (void)error_set(&error, EINVAL, "%s= is a key of %s; drop it", key,
                        is_pod(reader) ? "machines, not of pods (see stead.pod(5))"
                                       : "pods (see stead.pod(5)), not of machines");
        report(reader, lenient(reader), &error);
}

static void unknown_key(Reader *reader, const char *key)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        Nearest nearest = NEAREST(key);

        option_printable(key, &text);
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (!is_ours(reader, o)) {
                        if (!o->key || strcmp(o->key, key) != 0)
                                continue;
                        foreign_key(reader, key);
                        return;
                }
                if (strcmp(o->key, key) == 0) {
                        (void)error_set(&error, EINVAL, "%s= does not belong in section [%s]", key,
                                        reader->section);
                        error_hint(&error, "%s= in section [%s]", key, o->section);
                        report(reader, lenient(reader), &error);
                        return;
                }
                if (strcmp(o->section, reader->section) == 0)
                        nearest_offer(&nearest, o->key);
        }
        (void)error_set(&error, EINVAL, "there is no key %s= in section [%s]", text.data ?: "?",
                        reader->section);
        if (nearest.best)
                error_hint(&error, "%s=", nearest.best);
        report(reader, lenient(reader), &error);
}

static bool denies_only(const char *value)
{
        if (*value == '~')
                return true;
        for (const char *p = value; *(p += strspn(p, " \t,")); p += strcspn(p, " \t,"))
                if (*p != '~')
                        return false;
        return true;
}

/* Whether the file may say this; warns if not. @o is NULL for a key of a later version. */
static bool is_trusted(Reader *reader, const Option *o, const char *key, const char *value)
{
        _cleanup_error_ Error error = ERROR_NULL;
        OptionTrust trust = o ? o->trust : OPTION_TRUSTED;

        if (reader->dialect != DEFINITION_NSPAWN_UNTRUSTED || trust == OPTION_UNTRUSTED ||
            (trust == OPTION_DENY_UNTRUSTED && denies_only(value)))
                return true;
        (void)error_set(&error, EPERM, "%s= is ignored: a file beside the tree may not %s", key,
                        trust == OPTION_DENY_UNTRUSTED ? "allow system calls" : "set it");
        error_hint(&error, "move the file to /etc/systemd/nspawn/, or --settings=trusted");
        report(reader, DIAGNOSTIC_WARNING, &error);
        return false;
}

static void read_own_key(Reader *reader, const char *key, const char *value)
{
        const Option *o = option_by_key(reader->section, key);
        const LaterKey *later = is_pod(reader) ? NULL : later_key(reader->section, key);
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL, origin = BUFFER_NULL;

        if (o && !is_ours(reader, o))
                o = NULL;
        if (!o && !later) {
                unknown_key(reader, key);
                return;
        }
        if (!is_trusted(reader, o, key, value))
                return;
        if (later && (!o || is_nspawn(reader))) { /* ours are refused at the start */
                read_later_key(reader, later, value);
                return;
        }
        /* in a .nspawn file this key is a boolean first */
        if (is_nspawn(reader) && strcmp(key, "PrivateUsers") == 0 && strlen(value) == 1)
                value = *value == '0' ? "no" : *value == '1' ? "yes" : value;
        if (option_check(o, value, &error) < 0) {
                option_printable(o->secret ? "..." : value, &text);
                if (error.number == 0)
                        (void)error_set(&error, ENOMEM, "out of memory");
                (void)error_prefix(&error, "%s=%s", key, text.data ?: "");
                report(reader, DIAGNOSTIC_ERROR, &error);
                return;
        }
        origin_text(reader, &origin);
        if (buffer_error(&origin) < 0 ||
            assignments_add(&reader->definition->assignments, o, value, origin.data,
                            reader->dialect != DEFINITION_NSPAWN_UNTRUSTED) < 0)
                reader->failed = true;
}

static void read_key(Reader *reader, char *text)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer shown = BUFFER_NULL;
        char *equals = strchr(text, '='), *value, *end;

        if (!reader->section || !equals || equals == text) {
                option_printable(text, &shown);
                (void)error_set(&error, EINVAL,
                                reader->section ? "'%s' is neither Key=value nor [Section]"
                                                : "'%s' comes before the first section",
                                shown.data ?: "");
                report(reader, lenient(reader), &error);
                return;
        }
        value = equals + 1 + strspn(equals + 1, " \t\r");
        for (end = equals; end > text && strchr(" \t", end[-1]); end--)
                ;
        *end = '\0';
        if (reader->skip_section || strncmp(text, "X-", 2) == 0)
                return;
        if (listed(passed_sections, ELEMENTSOF(passed_sections), reader->section)) {
                const Option *o = option_by_key(reader->section, text);

                if (o && is_ours(reader, o))
                        read_own_key(reader, text, value);
                else if (!is_nspawn(reader))
                        pass_key(reader, text, value);
                return;
        }
        read_own_key(reader, text, value);
}

/* Well-formed UTF-8 without control characters other than a tab. */
static bool text_is_clean(const char *s, size_t n)
{
        const unsigned char *p = (const unsigned char *)s, *end = p + n;

        while (p < end) {
                size_t more = *p < 0x80 ? 0 : *p < 0xc2 ? 9 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
                unsigned char lead = *p++;

                if ((lead < ' ' && lead != '\t' && lead != '\r') || lead == 0x7f || lead > 0xf4 ||
                    more > (size_t)(end - p))
                        return false;
                /* overlong forms, surrogates, and what is beyond U+10FFFF */
                if ((lead == 0xe0 && *p < 0xa0) || (lead == 0xed && *p > 0x9f) ||
                    (lead == 0xf0 && *p < 0x90) || (lead == 0xf4 && *p > 0x8f))
                        return false;
                for (; more > 0; more--)
                        if ((*p++ & 0xc0) != 0x80)
                                return false;
        }
        return true;
}

static void read_line(Reader *reader, char *text)
{
        size_t n;

        text += strspn(text, " \t\r");
        n = strlen(text);
        while (n > 0 && strchr(" \t\r", text[n - 1]))
                text[--n] = '\0';
        if (n == 0)
                return;
        if (*text == '[')
                read_section(reader, text, n);
        else
                read_key(reader, text);
}

static bool is_comment(const char *line, size_t n)
{
        for (; n > 0 && (*line == ' ' || *line == '\t'); line++)
                n--;
        return n > 0 && (*line == '#' || *line == ';');
}

/* One physical line. Returns true if it is continued on the next one. */
static bool collect(Reader *reader, const char *line, size_t n, bool continuing, Buffer *logical)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (n > 0 && line[n - 1] == '\r')
                n--;
        if (!text_is_clean(line, n)) {
                (void)error_set(&error, EINVAL,
                                memchr(line, '\0', n) ? "a NUL byte in the line"
                                                      : "the line is not plain UTF-8 text");
                report(reader, DIAGNOSTIC_ERROR, &error);
                return false;
        }
        if (is_comment(line, n)) /* also between continued lines */
                return continuing;
        if (n > 0 && line[n - 1] == '\\') {
                buffer_append(logical, line, n - 1);
                buffer_puts(logical, " ");
                return true;
        }
        buffer_append(logical, line, n);
        return false;
}

int definition_parse(Definition *d, const char *path, const char *text, size_t size,
                     DefinitionDialect dialect, Diagnostics *diagnostics)
{
        Reader reader = { d, path, dialect, diagnostics, .line = 0 };
        _cleanup_buffer_ Buffer logical = BUFFER_NULL;
        const char *end = text + size;
        unsigned physical = 0;
        bool continuing = false;

        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3; /* a byte order mark */
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((newline ?: end) - text);

                physical++;
                if (!continuing)
                        reader.line = physical; /* a continued line is known by its first */
                continuing = collect(&reader, text, n, continuing, &logical);
                text += n + 1;
                if ((continuing && text < end) || logical.size == 0)
                        continue;
                if (buffer_error(&logical) >= 0)
                        read_line(&reader, logical.data);
                logical.size = 0;
                if (logical.data)
                        *logical.data = '\0';
        }
        free(reader.section);
        return reader.failed || buffer_error(&logical) < 0 ? -ENOMEM : 0;
}
