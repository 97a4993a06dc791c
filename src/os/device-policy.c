/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program is a list of comparisons, built here instruction by instruction and loaded by bpf(2)
 * itself; a library would be a hundred times its size. Must not know about machines. */

#include "os/device-policy.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

#define INSTRUCTIONS_PER_RULE 8
#define INSTRUCTIONS_AROUND 8
#define INSTRUCTIONS_MAX 4096 /* what the kernel takes from the unprivileged; plenty */
#define PROGRAM_NAME "stead_devices"
#define ATTACHED_MAX 64 /* the kernel's limit of programs on one cgroup */

/* Device numbers: the kernel's Documentation/admin-guide/devices.txt. */
#define RW_MKNOD .read = true, .write = true, .mknod = true
#define RW .read = true, .write = true
const DeviceRule device_policy_default[] = {
        { 'c', 1, 3, RW_MKNOD },      /* null */
        { 'c', 1, 5, RW_MKNOD },      /* zero */
        { 'c', 1, 7, RW_MKNOD },      /* full */
        { 'c', 1, 8, RW_MKNOD },      /* random */
        { 'c', 1, 9, RW_MKNOD },      /* urandom */
        { 'c', 5, 0, RW_MKNOD },      /* tty */
        { 'c', 5, 2, RW_MKNOD },      /* ptmx */
        { 'c', 10, 200, RW_MKNOD },   /* net/tun */
        { 'c', 10, 229, RW_MKNOD },   /* fuse */
        { 'c', 136, DEVICE_ANY, RW }, /* pts/, all of the eight majors */
        { 'c', 137, DEVICE_ANY, RW }, { 'c', 138, DEVICE_ANY, RW }, { 'c', 139, DEVICE_ANY, RW },
        { 'c', 140, DEVICE_ANY, RW }, { 'c', 141, DEVICE_ANY, RW }, { 'c', 142, DEVICE_ANY, RW },
        { 'c', 143, DEVICE_ANY, RW },
};
const size_t n_device_policy_default = ELEMENTSOF(device_policy_default);

/* Registers of the program: r1 is the context on entry and scratch afterwards. */
enum {
        RESULT = BPF_REG_0,
        SCRATCH = BPF_REG_1,
        TYPE = BPF_REG_2,
        ACCESS = BPF_REG_3,
        MAJOR = BPF_REG_4,
        MINOR = BPF_REG_5,
};

typedef struct Program {
        struct bpf_insn code[INSTRUCTIONS_MAX];
        size_t length;
} Program;

static void emit(Program *p, unsigned code, unsigned target, unsigned source, int offset,
                 uint32_t immediate)
{
        p->code[p->length++] = (struct bpf_insn){
                .code = (uint8_t)code,
                .dst_reg = (uint8_t)(target & 0xf),
                .src_reg = (uint8_t)(source & 0xf),
                .off = (int16_t)offset,
                .imm = (int32_t)immediate,
        };
}

static void emit_set(Program *p, unsigned target, uint32_t value)
{
        emit(p, BPF_ALU | BPF_MOV | BPF_K, target, 0, 0, value);
}

static void emit_exit(Program *p, bool allow)
{
        emit_set(p, RESULT, allow);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Jumps whose target is not known yet, remembered by their place. */
typedef struct Jumps {
        uint16_t at[INSTRUCTIONS_MAX];
        size_t n;
} Jumps;

static void emit_jump(Program *p, unsigned operation, unsigned target, uint32_t value, Jumps *jumps)
{
        jumps->at[jumps->n++] = (uint16_t)p->length;
        emit(p, BPF_JMP32 | operation | BPF_K, target, 0, 0, value);
}

/* They go to the instruction that comes next. */
static void land(Program *p, Jumps *jumps)
{
        for (size_t i = 0; i < jumps->n; i++)
                p->code[jumps->at[i]].off = (int16_t)(p->length - jumps->at[i] - 1);
        jumps->n = 0;
}

static void emit_start(Program *p)
{
        const unsigned load = BPF_LDX | BPF_MEM | BPF_W;

        emit(p, load, ACCESS, SCRATCH, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
        emit(p, load, MAJOR, SCRATCH, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
        emit(p, load, MINOR, SCRATCH, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
        /* access_type is (access << 16) | type. */
        emit(p, BPF_ALU | BPF_MOV | BPF_X, TYPE, ACCESS, 0, 0);
        emit(p, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
        emit(p, BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
}

static uint32_t access_of(const DeviceRule *rule)
{
        return (rule->read ? BPF_DEVCG_ACC_READ : 0U) | (rule->write ? BPF_DEVCG_ACC_WRITE : 0U) |
               (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0U);
}

static bool same_kind(const DeviceRule *a, const DeviceRule *b)
{
        return a->type == b->type && access_of(a) == access_of(b);
}

/* How many rules from the first on share one test: minors of one major, or majors in a row with any
 * minor. The kernel's verifier walks every path, so each test saved is saved many times. */
static size_t group_length(const DeviceRule *rules, size_t n_rules)
{
        bool range = rules[0].minor == DEVICE_ANY && rules[0].major != DEVICE_ANY;
        size_t n = 1;

        for (; n < n_rules && same_kind(&rules[0], &rules[n]); n++)
                if (range ? rules[n].minor != DEVICE_ANY || rules[n].major != rules[n - 1].major + 1
                          : rules[n].minor == DEVICE_ANY || rules[n].major != rules[0].major)
                        break;
        return n;
}

static void emit_group(Program *p, const DeviceRule *rules, size_t n, Jumps *allow)
{
        Jumps next;
        uint32_t allowed = access_of(&rules[0]);

        next.n = 0; /* the places need no clearing */
        if (rules[0].type != 'a')
                emit_jump(p, BPF_JNE, TYPE,
                          rules[0].type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, &next);
        if (rules[0].major != DEVICE_ANY && n > 1 && rules[0].minor == DEVICE_ANY) {
                emit_jump(p, BPF_JLT, MAJOR, rules[0].major, &next);
                emit_jump(p, BPF_JGT, MAJOR, rules[n - 1].major, &next);
        } else if (rules[0].major != DEVICE_ANY) {
                emit_jump(p, BPF_JNE, MAJOR, rules[0].major, &next);
        }
        emit_jump(p, BPF_JSET, ACCESS, ~allowed & 0xffff, &next);
        if (rules[0].minor == DEVICE_ANY) {
                emit_jump(p, BPF_JA, 0, 0, allow);
                p->code[p->length - 1].code = BPF_JMP | BPF_JA;
        } else {
                for (size_t i = 0; i < n; i++)
                        emit_jump(p, BPF_JEQ, MINOR, rules[i].minor, allow);
        }
        land(p, &next);
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
        int r = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

        return r < 0 ? -errno : r;
}

static int program_load(const Program *p)
{
        union bpf_attr attr = {};

        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.insns = (uintptr_t)p->code;
        attr.insn_cnt = (uint32_t)p->length;
        attr.license = (uintptr_t) "LGPL-2.1-or-later";
        memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
        return bpf(BPF_PROG_LOAD, &attr);
}

static int program_id(int program_fd, uint32_t *ret)
{
        struct bpf_prog_info info = {};
        union bpf_attr attr = {};
        int r;

        attr.info.bpf_fd = (uint32_t)program_fd;
        attr.info.info = (uintptr_t)&info;
        attr.info.info_len = sizeof(info);
        r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
        if (r < 0)
                return r;
        *ret = info.id;
        return 0;
}

/* The programs of this directory alone. Returns their number. */
static int programs_of(int cgroup_fd, uint32_t ret[static ATTACHED_MAX])
{
        union bpf_attr attr = {};
        int r;

        attr.query.target_fd = (uint32_t)cgroup_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uintptr_t)ret;
        attr.query.prog_cnt = ATTACHED_MAX;
        r = bpf(BPF_PROG_QUERY, &attr);
        return r < 0 ? r : (int)MIN_OF(attr.query.prog_cnt, ATTACHED_MAX);
}

static int program_is_attached(int cgroup_fd, int program_fd)
{
        uint32_t ids[ATTACHED_MAX], id;
        int n, r = program_id(program_fd, &id);

        if (r < 0)
                return r;
        n = programs_of(cgroup_fd, ids);
        for (int i = 0; i < n; i++)
                if (ids[i] == id)
                        return 1;
        return MIN_OF(n, 0);
}

/* The one that we attached earlier, by its name. */
static int own_program(int cgroup_fd)
{
        uint32_t ids[ATTACHED_MAX];
        int n = programs_of(cgroup_fd, ids);

        for (int i = 0; i < n; i++) {
                struct bpf_prog_info info = {};
                union bpf_attr attr = {};
                int fd;

                attr.prog_id = ids[i];
                fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
                if (fd < 0)
                        return fd;
                attr = (union bpf_attr){};
                attr.info.bpf_fd = (uint32_t)fd;
                attr.info.info = (uintptr_t)&info;
                attr.info.info_len = sizeof(info);
                if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) >= 0 && strcmp(info.name, PROGRAM_NAME) == 0)
                        return fd;
                closep(&fd);
        }
        return n < 0 ? n : -ENOENT;
}

static int program_of(const DeviceRule *rules, size_t n_rules)
{
        Program program;
        Jumps allow;

        program.length = allow.n = 0;
        if (n_rules > (INSTRUCTIONS_MAX - INSTRUCTIONS_AROUND) / INSTRUCTIONS_PER_RULE)
                return -E2BIG;
        emit_start(&program);
        for (size_t i = 0, n; i < n_rules; i += n) {
                n = group_length(&rules[i], n_rules - i);
                emit_group(&program, &rules[i], n, &allow);
        }
        emit_exit(&program, false);
        if (allow.n > 0) { /* the verifier takes no code that nothing leads to */
                land(&program, &allow);
                emit_exit(&program, true);
        }
        return program_load(&program);
}

/* @instead: a program that it takes the place of, or -EBADF. */
static int attach(int cgroup_fd, int program_fd, int instead)
{
        union bpf_attr attr = {};
        int r;

        attr.target_fd = (uint32_t)cgroup_fd;
        attr.attach_bpf_fd = (uint32_t)program_fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        /* Without this flag the payload's own systemd could not attach policies to its services. */
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        if (instead >= 0) {
                attr.attach_flags |= BPF_F_REPLACE;
                attr.replace_bpf_fd = (uint32_t)instead;
        }
        r = bpf(BPF_PROG_ATTACH, &attr);
        if (r < 0)
                return r;
        r = program_is_attached(cgroup_fd, program_fd);
        if (r < 0)
                return r;
        return r > 0 ? 0 : -EPERM;
}

int device_policy_attach(int cgroup_fd, const DeviceRule *rules, size_t n_rules)
{
        _cleanup_close_ int program_fd = program_of(rules, n_rules);

        return program_fd < 0 ? program_fd : attach(cgroup_fd, program_fd, -EBADF);
}

int device_policy_replace(int cgroup_fd, const DeviceRule *rules, size_t n_rules)
{
        _cleanup_close_ int old = own_program(cgroup_fd);
        _cleanup_close_ int program_fd = old < 0 ? old : program_of(rules, n_rules);

        return program_fd < 0 ? program_fd : attach(cgroup_fd, program_fd, old);
}

int device_policy_is_guarded(int cgroup_fd)
{
        uint32_t ids[ATTACHED_MAX];
        int n = programs_of(cgroup_fd, ids);

        return n < 0 ? n : n > 0;
}
