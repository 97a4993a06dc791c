/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the completion script at build time: verbs and flags are fixed in it, names are asked for.
 */

#include "cli/completion.h"

#include "cli/verb.h"
#include "config/resource.h"

#include <string.h>

static const char *names_command(OperandKind kind)
{
        switch (kind) {
        case OPERAND_RUNNING:
                return "running";
        case OPERAND_ANY:
                return "any";
        case OPERAND_ANY_OR_PATH:
                return "path";
        case OPERAND_COPY:
                return "copy";
        case OPERAND_BIND:
                return "bind";
        case OPERAND_UNBIND:
                return "unbind";
        case OPERAND_NET:
                return "net";
        case OPERAND_LAYER:
                return "layer";
        case OPERAND_NONE:
                break;
        }
        return "none";
}

/* Names of files in a machine are nobody's choice but the machine's. compgen -W would expand them
 * as the shell does, commands and all, so they never come near it. */
static const char functions[] =
        "_stead_add() { # lines as words, with a prefix that they have to have\n"
        "        local line\n"
        "        while IFS= read -r line; do\n"
        "                [[ $line == \"$1\"* ]] || continue\n"
        "                printf -v line %q \"$line\"\n"
        "                COMPREPLY+=(\"$line\")\n"
        "        done\n"
        "}\n\n"
        "_stead_inside() { # paths of a machine\n"
        "        compopt -o nospace\n"
        "        _stead_add \"$2\" < <(stead exec -T \"$1\" -- sh -c 'ls -1dp -- \"$1\"*' sh "
        "\"$2\" "
        "2>/dev/null </dev/null)\n"
        "}\n\n"
        "_stead_bind() { # a machine, then what the verb takes\n"
        "        local i words=()\n"
        "        for ((i = 2; i < COMP_CWORD; i++)); do\n"
        "                [[ ${COMP_WORDS[i]} == -* ]] || words+=(\"${COMP_WORDS[i]}\")\n"
        "        done\n"
        "        case ${#words[@]}$names in\n"
        "        0*) COMPREPLY=($(compgen -W \"$(stead list -q 2>/dev/null)\" -- \"$cur\")) ;;\n"
        "        1bind) _stead_add '' < <(compgen -f -- \"$cur\") ;;\n"
        "        1unbind) _stead_add \"$cur\" < <(stead bind \"${words[0]}\" 2>/dev/null | sed -n "
        "'1d; s/  .*//p') ;;\n"
        "        2bind) _stead_inside \"${words[0]}\" \"$cur\" ;;\n"
        "        esac\n"
        "}\n\n"
        "_stead_net() { # what to do, then machines\n"
        "        local words='list check'\n"
        "        [ \"$COMP_CWORD\" -le 2 ] || words=$(stead list -q 2>/dev/null)\n"
        "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "}\n\n"
        "_stead_copy() { # ':' is a word of its own to readline\n"
        "        local n=$COMP_CWORD\n"
        "        if [ \"$cur\" = : ]; then\n"
        "                _stead_inside \"${COMP_WORDS[n-1]}\" /\n"
        "        elif [ \"${COMP_WORDS[n-1]}\" = : ]; then\n"
        "                _stead_inside \"${COMP_WORDS[n-2]}\" \"$cur\"\n"
        "        else\n"
        "                compopt -o nospace\n"
        "                COMPREPLY=($(compgen -S : -W \"$(stead list -q 2>/dev/null)\" -- "
        "\"$cur\"))\n"
        "                _stead_add '' < <(compgen -f -- \"$cur\")\n"
        "        fi\n"
        "}\n\n";

static void print_verb(const Verb *v, FILE *f)
{
        const char *quote = strchr(v->name, ' ') ? "\"" : "";

        fprintf(f, "        %s%s%s)\n                flags='--help", quote, v->name, quote);
        for (size_t i = 0; i < v->n_flags; i++)
                fprintf(f, " --%s%s", v->flags[i].name, v->flags[i].metavar ? "=" : "");
        fprintf(f, "'\n                names=%s\n                ;;\n",
                names_command(v->operand_kind));
}

/* The second word of a group is a part of its verbs' names. */
static void print_groups(FILE *f)
{
        fputs("        case $verb in\n", f);
        for (size_t i = 0; i < verb_count; i++) {
                const Verb *group = verb_table[i];

                if (!group->verbs)
                        continue;
                fprintf(f, "        %s)\n                words='", group->name);
                for (size_t k = 0; k < group->n_verbs; k++)
                        fprintf(f, "%s ", verb_word(group->verbs[k]));
                fputs("--help'\n                ;;\n", f);
        }
        fputs("        esac\n"
              "        if [ -n \"$words\" ]; then\n"
              "                if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
              "                        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
              "                        return\n"
              "                fi\n"
              "                verb+=\" ${COMP_WORDS[2]}\"\n"
              "        fi\n",
              f);
}

void completion_print(FILE *f)
{
        fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
              "# bash completion for stead, made from its table of verbs\n\n",
              f);
        fputs(functions, f);
        fputs("_stead() {\n"
              "        local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flags= "
              "names=none words=\n"
              "        COMPREPLY=()\n"
              "        if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "                COMPREPLY=($(compgen -W \"",
              f);
        for (size_t i = 0; i < verb_count; i++)
                fprintf(f, "%s ", verb_table[i]->name);
        fputs("--help --version\" -- \"$cur\"))\n"
              "                return\n"
              "        fi\n",
              f);
        print_groups(f);
        fputs("        case $verb in\n", f);
        for (size_t i = 0; i < verb_count; i++) {
                const Verb *v = verb_table[i];

                if (!v->verbs)
                        print_verb(v, f);
                for (size_t k = 0; k < v->n_verbs; k++)
                        print_verb(v->verbs[k], f);
        }
        fputs("        esac\n"
              "        case $cur in\n"
              "        -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")) ;;\n"
              "        *)\n"
              "                case $names in\n"
              "                running) COMPREPLY=($(compgen -W \"$(stead list -q 2>/dev/null)\" "
              "-- \"$cur\")) ;;\n"
              "                any | path) COMPREPLY=($(compgen -W \"$(stead list -aq "
              "2>/dev/null)\" -- \"$cur\")) ;;\n"
              "                copy) _stead_copy ;;\n"
              "                bind | unbind) _stead_bind ;;\n"
              "                net) _stead_net ;;\n"
              "                layer) COMPREPLY=($(compgen -W \"$(stead layer list -q "
              "2>/dev/null)\" -- \"$cur\")) ;;\n"
              "                esac\n"
              "                [ \"$names\" != path ] || COMPREPLY+=($(compgen -d -- \"$cur\"))\n"
              "                [ \"$verb\" != create ] || COMPREPLY+=($(compgen -f -W 'debian/11 "
              "debian/12 debian/13' -- \"$cur\"))\n"
              "                [ \"$verb\" != set ] || COMPREPLY+=($(compgen -W '",
              f);
        for (size_t i = 0; i < resource_key_count; i++)
                fprintf(f, "%s%s=", i > 0 ? " " : "", resource_keys[i].name);
        fputs("' -- \"$cur\"))\n"
              "                ;;\n"
              "        esac\n"
              "        [[ ${COMPREPLY-} != *= ]] || compopt -o nospace\n"
              "}\n"
              "complete -F _stead stead\n",
              f);
}
