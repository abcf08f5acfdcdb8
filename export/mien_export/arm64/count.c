/* A QEMU plugin that counts executed instructions, and books them to slots that the emulated program names.

   The program books with a system call that fails: isatty(BASE + slot), on Arm an ioctl, adds to the slot whatever was
   executed since the last such call. At exit each slot's number and sum is written to the file given as out=FILE.
   The counter is for programs that compute in one thread. QEMU's functions are declared by hand, after
   include/qemu/qemu-plugin.h of QEMU 7.2, because Debian packages no header. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))
#define IOCTL 29 /* on aarch64 */

typedef uint64_t plugin_id;
typedef uint64_t word;
struct qemu_plugin_tb;
enum operation { ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum operation, void *, uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id, void (*)(plugin_id, unsigned, int64_t, word, word, word, word,
                                                              word, word, word, word));
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

EXPORTED int qemu_plugin_version = 1;

static uint64_t executed, booked, slots[SLOTS];
static FILE *out;

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed, qemu_plugin_tb_n_insns(block));
}

static void called(plugin_id id, unsigned cpu, int64_t number, word file, word b, word c, word d, word e, word f,
                   word g, word h)
{
    if (number != IOCTL || file < BASE || file >= BASE + SLOTS)
        return;
    slots[file - BASE] += executed - booked;
    booked = executed;
}

static void ended(plugin_id id, void *unused)
{
    for (int slot = 0; slot < SLOTS; slot++)
        if (slots[slot])
            fprintf(out, "%d %" PRIu64 "\n", slot, slots[slot]);
    fclose(out);
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    if (argc != 1 || strncmp(argv[0], "out=", 4) || !(out = fopen(argv[0] + 4, "w"))) {
        fputs("count: give a file that can be written: out=FILE\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
