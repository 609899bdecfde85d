// pattern FILE BYTES [START:LENGTH]...
//
// Makes a sparse file of BYTES and fills the given windows with the pattern of MediaRig's media: each
// aligned 8-byte big-endian word is its own offset, so a shifted or swapped block gives itself away.
// Without a window all of it is filled. Prints nothing; exits 1 with a reason when something fails.
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what, const char *name) {
    fprintf(stderr, "pattern: %s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void fill(int file, const char *name, uint64_t start, uint64_t end) {
    unsigned char buffer[65536];
    while (start < end) {
        size_t count = 0;
        while (count < sizeof buffer && start + count < end) {
            uint64_t offset = start + count;
            buffer[count++] = (offset & ~(uint64_t)7) >> (8 * (7 - (offset & 7))) & 0xff;
        }
        if (pwrite(file, buffer, count, (off_t)start) != (ssize_t)count) fail("write", name);
        start += count;
    }
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: pattern FILE BYTES [START:LENGTH]...\n");
        return 1;
    }
    const char *name = arguments[1];
    uint64_t bytes = strtoull(arguments[2], NULL, 10);
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0) fail("create", name);
    if (ftruncate(file, (off_t)bytes) != 0) fail("grow", name);
    if (count == 3) fill(file, name, 0, bytes);
    for (int index = 3; index < count; index++) {
        uint64_t start, length;
        if (sscanf(arguments[index], "%" SCNu64 ":%" SCNu64, &start, &length) != 2 || start > bytes
            || length > bytes - start) {
            fprintf(stderr, "pattern: bad window %s\n", arguments[index]);
            return 1;
        }
        fill(file, name, start, start + length);
    }
    return close(file) == 0 ? 0 : (fail("close", name), 1);
}
