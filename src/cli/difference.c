/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing options, in the order of their table. Values count, not spellings: "0-2" and "0,1,2"
 * are the same, and so are a default that is written out and one that is not. */

#include "cli/difference.h"

#include "base/strv.h"
#include "machine/live-mount.h"

#include <string.h>
#include <sys/stat.h>

void differences_done(Differences *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->items[i].key);
                free(d->items[i].declared);
                free(d->items[i].running);
                free(d->items[i].origin);
        }
        free(d->items);
        *d = DIFFERENCES_NULL;
}

static int copy(const char *text, char **ret)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int differences_add(Differences *d, const Difference *row)
{
        Difference *grown = reallocarray(d->items, d->n + 1, sizeof(*grown)), *item;

        if (!grown)
                return -ENOMEM;
        d->items = grown;
        item = &grown[d->n++]; /* what was copied is freed with the list */
        *item = (Difference){ .section = row->section,
                              .how = row->how,
                              .option = row->option,
                              .resource = row->resource };
        return copy(row->key, &item->key) < 0 || copy(row->declared, &item->declared) < 0 ||
                               copy(row->running, &item->running) < 0 ||
                               copy(row->origin, &item->origin) < 0
                       ? -ENOMEM
                       : 0;
}

const char *difference_text(const Difference *d, const char *value)
{
        return !value ? "-" : d->option && d->option->secret ? "(secret)" : value;
}

/* @value of @option as `stead cat` would write it, NULL for its default; each item of a list on a
 * line. */
static int canonical(const Option *option, const char *value, char **ret)
{
        _cleanup_settings_ Settings *settings = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = settings_new(&settings);

        if (r < 0)
                return r;
        if (value &&
            (option->secret || option->parse(option, value, "definition", settings, NULL) < 0)) {
                *ret = strdup(value); /* of another version, then */
                return *ret ? 0 : -ENOMEM;
        }
        r = option->secret ? 0 : option->format(option, settings, &text);
        *ret = r < 0 ? NULL : buffer_steal(&text);
        return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

static bool is_file(const char *origin)
{
        return origin && *origin == '/';
}

/* What a launcher was told on its command line beats the definition, unless systemd started it. */
static bool is_wanted_so(const Comparison *c, const char *origin)
{
        return !c->is_service && origin && !is_file(origin);
}

/* A device needs a place in the device policy as well, and what is of the tree is looked up before
 * its init runs. */
static bool is_plain_bind(const char *value)
{
        _cleanup_free_ char *source = strndup(value, strcspn(value, ":"));
        struct stat st;

        return source && *source == '/' && stat(source, &st) >= 0 &&
               (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* A new limit of open files or locked memory is taken back by a systemd that starts itself anew,
 * and other than by that it does not give it to its services. */
static OptionApply way_of(const Comparison *c, const Option *option, const char *key)
{
        bool systemd = c->machine->init == INIT_SYSTEMD;

        if (option->apply == OPTION_APPLY_RELOAD)
                return systemd ? OPTION_APPLY_RELOAD : OPTION_APPLY_RESTART;
        if (systemd && (strcmp(key, "LimitNOFILE") == 0 || strcmp(key, "LimitMEMLOCK") == 0))
                return OPTION_APPLY_RESTART;
        return option->apply;
}

static int compare_value(const Comparison *c, const Option *option, Differences *d)
{
        _cleanup_free_ char *declared = NULL, *running = NULL, *should = NULL, *is = NULL;
        const char *declared_origin, *running_origin;
        OptionApply how;
        int r = setting_lines_find(&c->declared, option->section, option->key, &declared,
                                   &declared_origin);

        if (r >= 0)
                r = setting_lines_find(&c->running, option->section, option->key, &running,
                                       &running_origin);
        if (r < 0 || (!declared && !running) || is_wanted_so(c, running_origin))
                return r;
        if (!running && declared && !is_file(declared_origin))
                return 0; /* only how the verb starts machines */
        r = canonical(option, declared, &should);
        if (r >= 0)
                r = canonical(option, running, &is);
        if (r < 0 || strcmp(should, is) == 0)
                return r;
        how = way_of(c, option, option->key);
        if (how == OPTION_APPLY_LIVE && !declared && strncmp(option->key, "Limit", 5) == 0)
                how = OPTION_APPLY_RESTART; /* the launcher knows what it is without being told */
        return differences_add(
                d, &(Difference){ .section = option->section,
                                  .key = (char *)option->key,
                                  .declared = declared ? should : NULL,
                                  .running = running ? is : NULL,
                                  .origin = (char *)(declared ? declared_origin : running_origin),
                                  .how = how,
                                  .option = option });
}

/* One item of a list, with the line that it is from. */
typedef struct Item {
        char *text;
        const char *origin; /* NULL: someone's wish, which is in no definition */
        bool live;          /* made while the machine ran */
} Item;

typedef struct Items {
        Item *items;
        size_t n;
} Items;

static void items_done(Items *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->items[i].text);
        free(s->items);
}

static int items_add(Items *s, const Option *option, const char *value, const char *origin)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **parts = NULL;

        if (canonical(option, value, &text) < 0 || strv_split(text, "\n", &parts) < 0)
                return -ENOMEM;
        STRV_FOREACH (p, parts) {
                Item *grown = reallocarray(s->items, s->n + 1, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                s->items = grown;
                grown[s->n] = (Item){ .text = strdup(*p), .origin = origin };
                if (!grown[s->n++].text)
                        return -ENOMEM;
        }
        return 0;
}

static bool is_applied(const char *origin)
{
        return strncmp(origin, DIFFERENCE_APPLIED, strlen(DIFFERENCE_APPLIED)) == 0;
}

static int items_collect(const SettingLines *lines, const Option *option, Items *s)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lines->n; i++) {
                const SettingLine *l = &lines->items[i];

                if (strcmp(l->section, option->section) == 0 && strcmp(l->key, option->key) == 0 &&
                    !is_applied(l->origin))
                        r = items_add(s, option, l->value, l->origin);
        }
        return r;
}

static bool items_has(const Items *s, const char *text)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->items[i].text, text) == 0)
                        return true;
        return false;
}

/* The file because of which `stead apply` made this mount, or NULL. */
static const char *applied_for(const Comparison *c, const Option *option, const char *text)
{
        for (size_t i = 0; i < c->running.n; i++) {
                const SettingLine *l = &c->running.items[i];

                if (strcmp(l->key, option->key) == 0 && is_applied(l->origin) &&
                    strcmp(l->value, text) == 0)
                        return l->origin + strlen(DIFFERENCE_APPLIED);
        }
        return NULL;
}

static int add_live_mount(const Comparison *c, const Option *option, const LiveMount *mount,
                          Items *s)
{
        const char *options = mount->options ?: "";
        _cleanup_free_ char *value = NULL;
        size_t before = s->n;

        if (asprintf(&value, "%s:%s%s%s", mount->source, mount->destination, *options ? ":" : "",
                     options) < 0) {
                value = NULL;
                return -ENOMEM;
        }
        if (items_add(s, option, value, NULL) < 0)
                return -ENOMEM;
        for (size_t i = before; i < s->n; i++) {
                s->items[i].live = true;
                s->items[i].origin = applied_for(c, option, s->items[i].text);
        }
        return 0;
}

/* Mounts that were made while the machine ran, as items of Bind= or BindReadOnly=. They are there
 * until it is rebooted. */
static int add_live_mounts(const Comparison *c, const Option *option, Items *s, Error *error)
{
        bool read_only = strcmp(option->key, "BindReadOnly") == 0;
        LiveMount *list = NULL;
        size_t n = 0;
        int r;

        if (strcmp(option->key, "Bind") != 0 && !read_only)
                return 0;
        r = live_mount_list(c->machine, &list, &n, error);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (list[i].read_only == read_only)
                        r = add_live_mount(c, option, &list[i], s);
        live_mount_list_free(list, n);
        return r;
}

static int compare_items(const Comparison *c, const Option *option, const Items *declared,
                         const Items *running, Differences *d)
{
        Difference row = { .section = option->section,
                           .key = (char *)option->key,
                           .option = option };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < declared->n; i++) {
                row.declared = declared->items[i].text;
                row.origin = (char *)declared->items[i].origin;
                row.how = way_of(c, option, option->key);
                if (row.how == OPTION_APPLY_LIVE && !is_plain_bind(row.declared))
                        row.how = OPTION_APPLY_RESTART;
                if (!items_has(running, row.declared))
                        r = differences_add(d, &row);
        }
        row.declared = NULL;
        for (size_t i = 0; r >= 0 && i < running->n; i++) {
                const Item *item = &running->items[i];

                if (items_has(declared, item->text) || !item->origin ||
                    is_wanted_so(c, item->origin))
                        continue; /* as it should be, or as someone wanted it */
                row.running = item->text;
                row.origin = (char *)item->origin;
                row.how = way_of(c, option, option->key);
                /* what a launcher has mounted cannot be taken away from outside */
                if (row.how == OPTION_APPLY_LIVE && !item->live)
                        row.how = OPTION_APPLY_RESTART;
                r = differences_add(d, &row);
        }
        return r;
}

static int compare_list(const Comparison *c, const Option *option, Differences *d, Error *error)
{
        _cleanup_(items_done) Items declared = {}, running = {};
        int r = items_collect(&c->declared, option, &declared);

        if (r >= 0)
                r = items_collect(&c->running, option, &running);
        if (r >= 0)
                r = add_live_mounts(c, option, &running, error);
        return r < 0 ? r : compare_items(c, option, &declared, &running, d);
}

/* [Unit], [Service] and [Install]: in force as soon as systemd has read them. */
static int compare_others(const Comparison *c, Differences *d, Error *error)
{
        int r = comparison_is_loaded(c, error);

        for (size_t i = 0; r == 0 && i < c->declared.n; i++) {
                const SettingLine *l = &c->declared.items[i];
                _cleanup_free_ char *declared = NULL, *running = NULL;
                const char *origin, *ignored;

                if (option_by_key(l->section, l->key) || resource_key(l->key))
                        continue;
                r = setting_lines_find(&c->declared, l->section, l->key, &declared, &origin);
                if (r >= 0)
                        r = setting_lines_find(&c->running, l->section, l->key, &running, &ignored);
                if (r < 0 || l->origin != origin || (running && strcmp(declared, running) == 0))
                        continue; /* a key with several lines counts once */
                r = differences_add(d, &(Difference){ .section = l->section,
                                                      .key = l->key,
                                                      .declared = declared,
                                                      .running = running,
                                                      .origin = l->origin,
                                                      .how = OPTION_APPLY_LIVE });
        }
        return r < 0 ? r : 0;
}

static int find_all(const Comparison *c, Differences *d, Error *error)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < option_count; i++) {
                const Option *option = &option_table[i];

                if (option->key)
                        r = option->list ? compare_list(c, option, d, error)
                                         : compare_value(c, option, d);
        }
        if (r >= 0)
                r = differences_add_limits(c, d, error);
        return r < 0 ? r : compare_others(c, d, error);
}

int differences_find(const Comparison *c, Differences *ret, Error *error)
{
        _cleanup_differences_ Differences d = DIFFERENCES_NULL;
        int r = find_all(c, &d, error);

        if (r < 0)
                return error_errno(error, -r, "Failed to compare machine '%s'", c->name);
        *ret = d;
        d = DIFFERENCES_NULL;
        return 0;
}
