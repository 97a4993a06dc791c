# SPDX-License-Identifier: LGPL-2.1-or-later
# Turns `cpp -dM` of <linux/capability.h> into the rows of a table indexed by capability. Generated,
# because the kernel header of the build is the only list that has every name.
$1 == "#define" && $2 ~ /^CAP_[A-Z0-9_]+$/ && $3 ~ /^[0-9]+$/ { name[$3 + 0] = $2; if ($3 + 0 > last) last = $3 + 0 }
END {
        if (last == 0)
                exit 1
        print "/* SPDX-License-Identifier: LGPL-2.1-or-later */"
        for (i = 0; i <= last; i++)
                if (i in name)
                        printf "[%d] = \"%s\",\n", i, name[i]
}
