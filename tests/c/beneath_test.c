/* SPDX-License-Identifier: MIT */
/*
 * beneath_test.c -- nothing outside a folder is opened, with and without the
 * system's help.
 */
#include "check.h"

#include "../../bindings/fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int opener(int folder, const char *path, int flags);

static int by_kernel(int folder, const char *path, int flags)
{
    return lullb_open_beneath(folder, path, flags, false);
}

/* Open and close: 0, or the errno value. */
static int error_of(opener *open_path, int folder, const char *path)
{
    int fd = open_path(folder, path, O_RDONLY);
    if (fd < 0)
        return -fd;
    close(fd);
    return 0;
}

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void test_paths(opener *open_path, int folder)
{
    CHECK(error_of(open_path, folder, "file") == 0);
    CHECK(error_of(open_path, folder, "sub/file") == 0);
    CHECK(error_of(open_path, folder, ".") == 0);
    CHECK(error_of(open_path, folder, "none") == ENOENT);
    CHECK(error_of(open_path, folder, "file/x") == ENOTDIR);
    CHECK(error_of(open_path, folder, "") == ENOENT);
    CHECK(error_of(open_path, folder, "..") == EXDEV);
    CHECK(error_of(open_path, folder, "../secret") == EXDEV);
    CHECK(error_of(open_path, folder, "sub/../../secret") == EXDEV);
    CHECK(error_of(open_path, folder, "/etc/passwd") != 0);
    CHECK(error_of(open_path, folder, "out") != 0);
    CHECK(error_of(open_path, folder, "absolute") != 0);
    CHECK(error_of(open_path, folder, "up/secret") != 0);
    CHECK(error_of(open_path, folder, "loop") == ELOOP);
}

static void test_walk(int folder)
{
    test_paths(lullb_open_walking, folder);
    CHECK(error_of(lullb_open_walking, folder, "inside") == ELOOP); /* no link at all */
    CHECK(error_of(lullb_open_walking, folder, "sub//file") == ENOENT);
    char name[300];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(error_of(lullb_open_walking, folder, name) == ENAMETOOLONG);
}

/* A fifo that nobody writes to does not hold us up. */
static void test_fifo(int folder)
{
    CHECK(mkfifo("fifo", 0600) == 0);
    CHECK(error_of(by_kernel, folder, "fifo") == 0);
    CHECK(error_of(lullb_open_walking, folder, "fifo") == 0);
}

int main(void)
{
    char outer[] = "/tmp/beneathXXXXXX";
    CHECK(mkdtemp(outer) != NULL && chdir(outer) == 0);
    make_file("secret");
    CHECK(mkdir("root", 0700) == 0 && chdir("root") == 0 && mkdir("sub", 0700) == 0);
    make_file("file");
    make_file("sub/file");
    CHECK(symlink("../secret", "out") == 0 && symlink("/etc/passwd", "absolute") == 0);
    CHECK(symlink("..", "up") == 0 && symlink("loop", "loop") == 0);
    CHECK(symlink("sub/file", "inside") == 0);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0);
    test_paths(by_kernel, folder);
    test_walk(folder);
    test_fifo(folder);
    close(folder);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", outer);
    return system(command) == 0 ? 0 : 1;
}
