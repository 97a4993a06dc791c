/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people read about the options, made from the table: --help, two manual pages, completion.
 * Layout only; every word is the table's. */

#include "base/strv.h"
#include "config/option-parse.h"

#include <ctype.h>
#include <string.h>

static const char *const group_titles[_OPTION_GROUP_MAX] = {
        [OPTION_GROUP_GENERAL] = "General",
        [OPTION_GROUP_TREE] = "Tree",
        [OPTION_GROUP_UNIT] = "Unit",
        [OPTION_GROUP_EXECUTION] = "Execution",
        [OPTION_GROUP_IDENTITY] = "Identity",
        [OPTION_GROUP_USERS] = "User namespace",
        [OPTION_GROUP_NETWORK] = "Network",
        [OPTION_GROUP_SECURITY] = "Security",
        [OPTION_GROUP_RESOURCES] = "Resources",
        [OPTION_GROUP_INTEGRATION] = "Integration",
        [OPTION_GROUP_MOUNTS] = "Mounts",
        [OPTION_GROUP_CONSOLE] = "Console",
        [OPTION_GROUP_CREDENTIALS] = "Credentials",
};

#define HELP_COLUMN 38

/* "-D, --directory=PATH"; "" for a row without a spelling on the command line. */
static void command_spelling(const Option *o, Buffer *out)
{
        const char *optional = o->argument == OPTION_OPTIONAL_ARGUMENT ? "[" : "";

        if (o->letter)
                buffer_printf(out, "-%c", o->letter);
        if (o->letter && o->name)
                buffer_puts(out, ", ");
        if (o->name)
                buffer_printf(out, "--%s", o->name);
        if (o->name && o->metavar)
                buffer_printf(out, "%s=%s%s", optional, o->metavar, *optional ? "]" : "");
}

static bool on_command_line(const Option *o)
{
        return o->name || o->letter;
}

static int print_help_row(const Option *o, FILE *f)
{
        _cleanup_buffer_ Buffer spelling = BUFFER_NULL;

        if (!o->letter)
                buffer_puts(&spelling, "    ");
        command_spelling(o, &spelling);
        if (buffer_error(&spelling) < 0)
                return -ENOMEM;
        if (spelling.size + 4 > HELP_COLUMN)
                fprintf(f, "  %s\n%*s%s\n", spelling.data, HELP_COLUMN, "", o->help);
        else
                fprintf(f, "  %-*s%s\n", HELP_COLUMN - 2, spelling.data, o->help);
        return 0;
}

static int print_group(OptionGroup group, const char *before, const char *after,
                       int (*print)(const Option *, FILE *), FILE *f)
{
        bool first = true;

        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                int r;

                if (o->group != group || !on_command_line(o))
                        continue;
                if (first)
                        fprintf(f, "%s%s%s", before, group_titles[group], after);
                first = false;
                r = print(o, f);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int finish(FILE *f)
{
        return fflush(f) != 0 || ferror(f) ? -EIO : 0;
}

int option_print_help(FILE *f)
{
        fputs("Usage: stead-launch [OPTION...] [COMMAND [ARGUMENT...]]\n\n"
              "Boot a tree as a machine of its own, or run a command in it.\n"
              "A switch takes =no to take back what the definition says.\n",
              f);
        for (OptionGroup g = 0; g < _OPTION_GROUP_MAX; g++) {
                int r = print_group(g, "\n", ":\n", print_help_row, f);

                if (r < 0)
                        return r;
        }
        fputs("\nSee stead-launch(1) for more.\n", f);
        return finish(f);
}

/* scdoc reads these as markup wherever they stand. */
void option_put_scdoc(const char *text, FILE *f)
{
        for (; *text; text++) {
                if (strchr("\\*_#|[]<>~", *text))
                        (void)putc('\\', f);
                (void)putc(*text, f);
        }
}

static int put_choices(const Option *o, FILE *f)
{
        _cleanup_strv_ char **choices = NULL;
        int r = o->table ? option_choices(o, &choices) : 0;

        if (r < 0 || !choices)
                return r;
        fputs("\tValues: ", f);
        STRV_FOREACH (choice, choices) {
                fputs(choice == choices ? "*" : ", *", f);
                option_put_scdoc(*choice, f);
                fputs("*", f);
        }
        fputs(".\n\n", f);
        return 0;
}

static int put_text(const Option *o, FILE *f)
{
        fputs("\t", f);
        option_put_scdoc(o->text ?: o->help, f);
        fputs(o->text ? "\n\n" : ".\n\n", f);
        return put_choices(o, f);
}

static int print_option_section(const Option *o, FILE *f)
{
        _cleanup_buffer_ Buffer spelling = BUFFER_NULL;

        command_spelling(o, &spelling);
        if (buffer_error(&spelling) < 0)
                return -ENOMEM;
        fputs("*", f);
        option_put_scdoc(spelling.data, f);
        fputs("*\n", f);
        if (o->key && !o->twin_yes)
                fprintf(f, "\tKey *%s=* in section \\[%s\\].\n\n", o->key, o->section);
        return put_text(o, f);
}

int option_print_scdoc(FILE *f)
{
        for (OptionGroup g = 0; g < _OPTION_GROUP_MAX; g++) {
                int r = print_group(g, "## ", "\n\n", print_option_section, f);

                if (r < 0)
                        return r;
        }
        return finish(f);
}

static int print_key(const Option *o, FILE *f)
{
        static const char *const trust[] = {
                [OPTION_UNTRUSTED] = "",
                [OPTION_TRUSTED] = "\tIgnored in a .nspawn file beside the tree.\n\n",
                [OPTION_DENY_UNTRUSTED] =
                        "\tIn a .nspawn file beside the tree only denials count.\n\n",
        };

        static const char *const apply[_OPTION_APPLY_MAX] = {
                [OPTION_APPLY_RESTART] = "",
                [OPTION_APPLY_RELOAD] = ("\t*stead apply* changes it by telling the machine's "
                                         "systemd; with another "
                                         "init by a restart.\n\n"),
                [OPTION_APPLY_LIVE] = "\t*stead apply* changes it while the machine runs.\n\n",
                [OPTION_APPLY_START] = "\tA change counts from the next start on.\n\n",
        };

        fprintf(f, "*%s=*", o->key);
        if (o->metavar) {
                option_put_scdoc(o->metavar, f);
        } else {
                fputs("BOOL", f);
        }
        fputs("\n", f);
        if (o->name)
                fprintf(f, "\tOption *--%s* of stead-launch(1).\n\n", o->name);
        fputs(trust[o->trust], f);
        fputs(apply[o->apply], f);
        return put_text(o, f);
}

int option_print_pod_keys(FILE *f)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (!o->key || o->holder == OPTION_OF_MACHINE)
                        continue;
                fprintf(f, "*%s=*", o->key);
                option_put_scdoc(o->metavar ?: "BOOL", f);
                fputs("\n", f);
                if (put_text(o, f) < 0)
                        return -ENOMEM;
        }
        return finish(f);
}

static int print_section(const char *section, FILE *f)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                bool here =
                        o->key && o->holder != OPTION_OF_POD && strcmp(o->section, section) == 0;
                int r = here ? print_key(o, f) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int option_print_keys(FILE *f)
{
        static const char *const sections[] = { "Image", "Exec", "Files", "Network" };

        for (size_t s = 0; s < ELEMENTSOF(sections); s++) {
                int r;

                fprintf(f, "# [%s] SECTION\n\n", sections[s]);
                r = print_section(sections[s], f);
                if (r < 0)
                        return r;
        }
        return finish(f);
}

int option_print_resource_keys(FILE *f)
{
        int r = print_section("Resources", f);

        return r < 0 ? r : finish(f);
}

/* How bash finds the values of an option: by what its metavar says. */
static const char *completion_action(const Option *o)
{
        if (strcmp(o->name, "directory") == 0 || strcmp(o->name, "template") == 0)
                return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
        if (strcmp(o->name, "image-policy") == 0)
                return ":";
        if (strcmp(o->name, "machine") == 0)
                return "mapfile -t COMPREPLY < <(compgen -W \"$(_stead_launch_names)\" -- "
                       "\"$cur\")";
        if (strcmp(o->metavar, "BOOL") == 0)
                return "mapfile -t COMPREPLY < <(compgen -W 'yes no' -- \"$cur\")";
        if (strcmp(o->metavar, "USER") == 0)
                return "mapfile -t COMPREPLY < <(compgen -u -- \"$cur\")";
        if (o->group == OPTION_GROUP_NETWORK && !strstr(o->metavar, "PATH"))
                return ":";
        if (strchr(o->metavar, '[') || strstr(o->metavar, "PATH") || strstr(o->metavar, "DST"))
                return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
        return ":";
}

static int print_completion_case(const Option *o, FILE *f)
{
        _cleanup_strv_ char **choices = NULL;
        _cleanup_free_ char *words = NULL;
        int r;

        if (!o->name || !o->metavar)
                return 0;
        r = option_choices(o, &choices);
        if (r < 0)
                return r;
        fprintf(f, "        --%s", o->name);
        if (o->letter)
                fprintf(f, " | -%c", o->letter);
        fputs(")\n", f);
        words = choices ? strv_join(choices, " ") : NULL;
        if (words)
                fprintf(f,
                        "                mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n",
                        words);
        else
                fprintf(f, "                %s\n", completion_action(o));
        fputs("                return 0\n                ;;\n", f);
        return 0;
}

/* The spellings after which a word of its own is the value. */
static void print_completion_takers(FILE *f)
{
        const char *separator = "";

        fputs("                case $prev in\n                ", f);
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (!o->name || o->argument != OPTION_REQUIRED_ARGUMENT || !on_command_line(o))
                        continue;
                fprintf(f, "%s--%s", separator, o->name);
                if (o->letter)
                        fprintf(f, " | -%c", o->letter);
                separator = " | ";
        }
        fputs(") option=$prev ;;\n                esac\n", f);
}

static void print_completion_words(FILE *f)
{
        fputs("        words='", f);
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (o->letter)
                        fprintf(f, "-%c ", o->letter);
                if (o->name)
                        fprintf(f, "--%s%s ", o->name,
                                o->argument == OPTION_REQUIRED_ARGUMENT ? "=" : "");
        }
        fputs("'\n", f);
}

int option_print_completion(FILE *f)
{
        fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
              "# shellcheck shell=bash\n"
              "# bash completion for stead-launch, made from its option table.\n\n"
              "_stead_launch_names() {\n"
              "        local path\n"
              "        for path in /var/lib/machines/*/ /{etc,run,usr/lib}/stead/*.machine; do\n"
              "                [[ -e $path ]] || continue\n"
              "                path=${path%/} path=${path##*/}\n"
              "                printf '%s\\n' \"${path%.machine}\"\n"
              "        done\n"
              "}\n\n"
              "_stead_launch() {\n"
              "        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
              "        local words option=''\n\n"
              "        COMPREPLY=()\n"
              "        # bash splits --name=value at the equals sign\n"
              "        if [[ $cur == = ]]; then\n"
              "                cur='' option=$prev\n"
              "        elif [[ $prev == = ]]; then\n"
              "                option=${COMP_WORDS[COMP_CWORD-2]}\n"
              "        else\n",
              f);
        print_completion_takers(f);
        fputs("        fi\n        case $option in\n", f);
        for (size_t i = 0; i < option_count; i++) {
                int r = print_completion_case(&option_table[i], f);

                if (r < 0)
                        return r;
        }
        fputs("        esac\n", f);
        print_completion_words(f);
        fputs("        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
              "        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
              "        return 0\n"
              "}\n\n"
              "complete -F _stead_launch stead-launch\n",
              f);
        return finish(f);
}
