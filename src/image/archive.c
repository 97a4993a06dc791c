/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unpacking with libarchive: owners by number, modes, times, links, ACLs, extended attributes. */

#include "image/archive.h"

#include "base/cleanup.h"
#include "image/archive-layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)256 * 1024)

typedef struct Extraction {
        Worker *worker;
        const ArchiveSource *source;
        struct archive *in, *out;
        ArchiveLater later;
        uint64_t n_entries, n_devices, n_bytes, done_before;
        int percent;
} Extraction;

static int archive_error(const Extraction *x, struct archive *a, Error *error)
{
        const char *text = archive_error_string(a) ?: "unknown error";
        int number = archive_errno(a);

        if (number == ENOSPC || number == EDQUOT) {
                error_hint(error, "df -h /var/lib");
                return error_set(error, ENOSPC, "No space left on the disk while unpacking '%s'",
                                 x->source->name);
        }
        if (number <= 0) /* libarchive's own: wrong format and the like */
                number = EBADMSG;
        return error_set(error, number, "Failed to unpack '%s': %s", x->source->name, text);
}

static int open_input(Extraction *x, Error *error)
{
        x->in = archive_read_new();
        if (!x->in)
                return error_set(error, ENOMEM, "Out of memory");
        /* filters inside of the library; no program of the host is run for an archive */
        if (archive_read_support_filter_gzip(x->in) != ARCHIVE_OK ||
            archive_read_support_filter_xz(x->in) != ARCHIVE_OK ||
            archive_read_support_filter_zstd(x->in) != ARCHIVE_OK ||
            archive_read_support_filter_bzip2(x->in) != ARCHIVE_OK ||
            archive_read_support_format_tar(x->in) != ARCHIVE_OK ||
            archive_read_open_fd(x->in, x->source->fd, BLOCK_SIZE) != ARCHIVE_OK)
                return archive_error(x, x->in, error);
        return 0;
}

static int open_output(Extraction *x, Error *error)
{
        /* Owners by number: the host's and the tree's user databases are both the wrong ones. */
        int flags = ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                    ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_UNLINK |
                    ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SPARSE;

        /* A layer may write through a link of the one below (/bin to /usr/bin); the root directory
         * was changed, so it leads nowhere else. */
        if (!x->source->over)
                flags |= ARCHIVE_EXTRACT_SECURE_SYMLINKS;

        x->out = archive_write_disk_new();
        if (!x->out || archive_write_disk_set_options(x->out, flags) != ARCHIVE_OK)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

/* "./usr/bin", "/usr/bin" and "usr/bin" are the same place; the root directory was changed to it.
 */
static const char *relative_name(const char *name)
{
        for (;;) {
                if (name[0] == '/')
                        name++;
                else if (name[0] == '.' && (name[1] == '/' || name[1] == '\0'))
                        name++;
                else
                        return *name ? name : ".";
        }
}

static void tell(Extraction *x)
{
        int64_t done = archive_filter_bytes(x->in, -1);
        int percent;

        if (x->source->done && done > 0)
                *x->source->done = x->done_before + (uint64_t)done;
        if (x->source->size == 0 || done < 0)
                return;
        percent = (int)MIN_OF((uint64_t)done * 100 / x->source->size, UINT64_C(100));
        if (percent == x->percent)
                return;
        x->percent = percent;
        worker_stage(x->worker, "unpacking '%s': %d%%", x->source->name, percent);
}

static int too_large(const Extraction *x, Error *error)
{
        error_hint(error, "df -h /var/lib");
        return error_set(error, EFBIG,
                         "'%s' is not unpacked: it holds more than the %" PRIu64
                         " MiB that are free on the disk",
                         x->source->name, x->source->max_bytes >> 20);
}

/* Sizes that headers name come first: what cannot fit is not begun. */
static int check_limits(Extraction *x, struct archive_entry *entry, Error *error)
{
        int64_t size = archive_entry_size(entry);

        if (x->source->max_bytes > 0 &&
            (size < 0 || (uint64_t)size > x->source->max_bytes - x->n_bytes))
                return too_large(x, error);
        x->n_bytes += (uint64_t)MAX_OF(size, INT64_C(0));
        if (x->source->max_entries > 0 && x->n_entries >= x->source->max_entries)
                return error_set(error, EFBIG,
                                 "'%s' is not unpacked: it holds more than %" PRIu64
                                 " files, which the file system has not left",
                                 x->source->name, x->source->max_entries);
        return 0;
}

static int copy_data(Extraction *x, Error *error)
{
        for (;;) {
                const void *block;
                size_t size;
                la_int64_t offset;
                int r = archive_read_data_block(x->in, &block, &size, &offset);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r < ARCHIVE_WARN)
                        return archive_error(x, x->in, error);
                if (archive_write_data_block(x->out, block, size, offset) < ARCHIVE_WARN)
                        return archive_error(x, x->out, error);
                tell(x);
        }
}

static int extract_entry(Extraction *x, struct archive_entry *entry, Error *error)
{
        const char *name = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
        mode_t type = archive_entry_filetype(entry);
        int r;

        if (!name)
                return error_set(error, EBADMSG, "Failed to unpack '%s': an entry has no name",
                                 x->source->name);
        if (!link && (type == AE_IFBLK || type == AE_IFCHR) && !x->source->keep_devices) {
                x->n_devices++;
                return 0;
        }
        if (link && strcmp(relative_name(link), relative_name(name)) == 0)
                return error_set(error, EBADMSG, "Failed to unpack '%s': '%s' is a link to itself",
                                 x->source->name, name);
        if (link)
                archive_entry_copy_hardlink(entry, relative_name(link));
        archive_entry_copy_pathname(entry, relative_name(name));
        r = check_limits(x, entry, error);
        if (r >= 0 &&
            archive_later_parent(&x->later, relative_name(name), archive_entry_mtime(entry)) < 0)
                r = error_set(error, ENOMEM, "Out of memory");
        if (r >= 0)
                r = archive_layer_entry(x->source, entry, error);
        if (r != 0) {
                x->n_entries += r > 0;
                return MIN_OF(r, 0);
        }
        r = archive_write_header(x->out, entry);
        if (r < ARCHIVE_WARN)
                return archive_error(x, x->out, error);
        if (archive_entry_size(entry) > 0 && !link) {
                r = copy_data(x, error);
                if (r < 0)
                        return r;
        }
        if (archive_write_finish_entry(x->out) < ARCHIVE_WARN)
                return archive_error(x, x->out, error);
        x->n_entries++;
        r = link ? 0 : archive_later_entry(&x->later, entry);
        return r < 0 ? error_errno(error, -r, "Failed to set the ACLs of '%s'", name) : 0;
}

static int extract_all(Extraction *x, Error *error)
{
        for (;;) {
                struct archive_entry *entry;
                int r = archive_read_next_header(x->in, &entry);

                if (r == ARCHIVE_EOF)
                        break;
                if (r < ARCHIVE_WARN)
                        return archive_error(x, x->in, error);
                r = extract_entry(x, entry, error);
                if (r < 0)
                        return r;
                tell(x);
        }
        /* times and modes of directories are set at the end */
        if (archive_write_close(x->out) < ARCHIVE_WARN)
                return archive_error(x, x->out, error);
        if (x->n_entries == 0 && !x->source->over)
                return error_set(error, ENODATA, "Archive '%s' is empty", x->source->name);
        tell(x);
        return archive_later_end(&x->later, error);
}

/* What is no root file system is better said now than at the first boot. */
static int check_content(const ArchiveSource *source, Error *error)
{
        if (access("/usr", F_OK) >= 0 || access("/bin", F_OK) >= 0 || access("/sbin", F_OK) >= 0)
                return 0;
        if (access("/manifest.json", F_OK) >= 0 || access("/oci-layout", F_OK) >= 0)
                return error_set(error, EBADMSG,
                                 "'%s' is a container image, not a root file system", source->name);
        return error_set(error, EBADMSG,
                         "'%s' holds no root file system: neither /usr nor /bin nor /sbin is in it",
                         source->name);
}

void archive_limit(ArchiveSource *source, int fd)
{
        struct statvfs st;

        if (fstatvfs(fd, &st) < 0)
                return; /* then the disk itself is the limit */
        source->max_bytes = MAX_OF((uint64_t)st.f_bavail * st.f_frsize / 16 * 15, UINT64_C(1));
        /* file systems without a table of inodes say 0 */
        source->max_entries = st.f_files > 0 ? MAX_OF((uint64_t)st.f_favail, UINT64_C(1)) : 0;
}

int archive_extract(Worker *worker, const ArchiveSource *source, int tree_fd, Error *error)
{
        Extraction x = { .worker = worker,
                         .source = source,
                         .done_before = source->done ? *source->done : 0,
                         .percent = -1 };
        int r;

        worker_stage(worker, "unpacking '%s'", source->name);
        /* names in archives are UTF-8; the locale has to be there before the root changes */
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        (void)umask(022); /* of directories that no entry names; entries get their own modes */
        r = open_input(&x, error);
        if (r >= 0)
                r = open_output(&x, error);
        if (r >= 0 && (fchdir(tree_fd) < 0 || chroot(".") < 0))
                r = error_errno(error, errno, "Failed to change to the new tree");
        if (r >= 0)
                r = extract_all(&x, error);
        if (r >= 0 && !source->part)
                r = check_content(source, error);
        if (source->n_devices)
                *source->n_devices += x.n_devices;
        else if (r >= 0 && x.n_devices > 0)
                worker_stage(worker, "%llu device nodes left out (--keep-devices)",
                             (unsigned long long)x.n_devices);
        archive_later_done(&x.later);
        (void)archive_read_free(x.in); /* NULL is fine; the data is complete or an error is set */
        (void)archive_write_free(x.out);
        return r;
}
