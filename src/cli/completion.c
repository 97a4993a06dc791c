/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the completion script at build time: verbs and flags are fixed in it, names are asked for.
 */

#include "cli/completion.h"

#include "cli/verb.h"
#include "config/resource.h"

static const char *names_command(OperandKind kind)
{
        switch (kind) {
        case OPERAND_RUNNING:
                return "running";
        case OPERAND_ANY:
                return "any";
        case OPERAND_ANY_OR_PATH:
                return "path";
        case OPERAND_NONE:
                break;
        }
        return "none";
}

void completion_print(FILE *f)
{
        fputs("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
              "# bash completion for stead, made from its table of verbs\n\n"
              "_stead() {\n"
              "        local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flags= "
              "names=none\n"
              "        COMPREPLY=()\n"
              "        if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "                COMPREPLY=($(compgen -W \"",
              f);
        for (size_t i = 0; i < verb_count; i++)
                fprintf(f, "%s ", verb_table[i]->name);
        fputs("--help --version\" -- \"$cur\"))\n"
              "                return\n"
              "        fi\n"
              "        case $verb in\n",
              f);
        for (size_t i = 0; i < verb_count; i++) {
                const Verb *v = verb_table[i];

                fprintf(f, "        %s)\n                flags='--help", v->name);
                for (size_t k = 0; k < v->n_flags; k++)
                        fprintf(f, " --%s%s", v->flags[k].name, v->flags[k].metavar ? "=" : "");
                fprintf(f, "'\n                names=%s\n                ;;\n",
                        names_command(v->operand_kind));
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
