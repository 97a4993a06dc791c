/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One transaction through libnftables, whose words for an error are kept from stderr. */

#include "firewall/transaction.h"

#include <nftables/libnftables.h>
#include <string.h>

void transaction_done(Transaction *t)
{
        if (t->context)
                nft_ctx_free(t->context);
        *t = TRANSACTION_NULL;
}

static int make_context(Transaction *t)
{
        if (t->context)
                return 0;
        t->context = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!t->context || nft_ctx_buffer_error(t->context) != 0 ||
            nft_ctx_buffer_output(t->context) != 0)
                return -ENOMEM;
        return 0;
}

int transaction_refused(int number, Error *error)
{
        switch (number) {
        case EPERM:
                error_set(error, EPERM, "nftables may not be changed: no CAP_NET_ADMIN");
                error_hint(error, "run it as root");
                return -EPERM;
        case EOPNOTSUPP:
        case EPROTONOSUPPORT:
                error_set(error, EOPNOTSUPP, "This kernel has no nftables (CONFIG_NF_TABLES)");
                error_hint(error, "modprobe nf_tables");
                return -EOPNOTSUPP;
        default:
                return error_errno(error, number, "Failed to ask the kernel for nftables");
        }
}

/* libnftables tells no number, only "FILE:LINE:COLUMN: Error: WHAT: CAUSE" and the line at fault.
 */
static int explain(const char *words, Error *error)
{
        const char *start = words ? strstr(words, "Error: ") : NULL;
        int n;

        start = start ? start + 7 : words ?: "";
        n = (int)strcspn(start, "\n");
        if (strstr(start, "Operation not permitted"))
                return transaction_refused(EPERM, error);
        if (strstr(start, "File exists"))
                return error_set(error, EEXIST, "nftables: %.*s", n, start);
        if (strstr(start, "No such file or directory"))
                /* also the answer for an expression whose module is missing */
                return error_set(error, ENOENT, "nftables: %.*s", n, start);
        if (strstr(start, "Operation not supported"))
                return error_set(error, EOPNOTSUPP,
                                 "nftables: %.*s; this kernel lacks a part of it (nf_nat, "
                                 "nft_masq or nft_fib)",
                                 n, start);
        return error_set(error, EIO, "nftables: %.*s", n > 0 ? n : 16,
                         n > 0 ? start : "no reason given");
}

int transaction_run(Transaction *t, const char *text, Error *error)
{
        if (make_context(t) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (nft_run_cmd_from_buffer(t->context, text) == 0)
                return 0;
        return explain(nft_ctx_get_error_buffer(t->context), error);
}
