/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/site.h"

#include "store/ref.h"

#include <stdio.h>

static SitePath one(const char *directory, const Hash *hash, const char *suffix)
{
        char text[HASH_TEXT_SIZE];
        SitePath p;

        (void)snprintf(p.path, sizeof(p.path), "%s/%s%s", directory, hash_to_string(hash, text),
                       suffix);
        return p;
}

static SitePath pair(const char *directory, const Hash *a, const Hash *b, const char *suffix)
{
        char first[HASH_TEXT_SIZE], second[HASH_TEXT_SIZE];
        SitePath p;

        (void)snprintf(p.path, sizeof(p.path), "%s/%s-%s%s", directory, hash_to_string(a, first),
                       hash_to_string(b, second), suffix);
        return p;
}

SitePath site_ref(const char *name)
{
        SitePath p;

        /* a valid name has 200 bytes at most */
        (void)snprintf(p.path, sizeof(p.path), "refs/%.200s" REF_SUFFIX, name);
        return p;
}

SitePath site_commit(const Hash *commit)
{
        return one("commits", commit, "");
}

SitePath site_tree(const Hash *tree)
{
        return one("trees", tree, ".zst");
}

SitePath site_tree_patch(const Hash *old_tree, const Hash *new_tree)
{
        return pair("trees", old_tree, new_tree, ".zst");
}

SitePath site_delta(const Hash *old_tree, const Hash *new_tree)
{
        return pair("deltas", old_tree, new_tree, "");
}

SitePath site_packs(const Hash *tree)
{
        return one("packs", tree, "");
}

SitePath site_pack(const Hash *pack)
{
        return one("packs", pack, ".pack");
}

SitePath site_content(const Hash *content)
{
        char text[HASH_TEXT_SIZE];
        SitePath p;

        (void)hash_to_string(content, text);
        (void)snprintf(p.path, sizeof(p.path), "contents/%.2s/%s.zst", text, text + 2);
        return p;
}
