/*
 * A disk that remembers, fills up, is slow, or cannot be written: a library for LD_PRELOAD.
 *
 * Environment:
 *   DISK_FOLDER     absolute path; only files within it are concerned
 *   DISK_LOG        file to which every change of such a file is written, as it happens
 *   DISK_BYTES      room that is left; a write that would need more fails with ENOSPC
 *   DISK_SLOW       milliseconds that every fsync takes longer
 *   DISK_READ_ONLY  opening such a file for writing, or making one, fails with EROFS
 *
 * A record of the log is a line "OP NAME OFFSET LENGTH\n", for OP w and r followed by LENGTH bytes:
 *   w  bytes written     t  cut or grown to OFFSET     s  fsync or fdatasync     u  unlinked
 *   r  renamed, to the name that follows     d  directory made     S  fsync of a directory
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 1024
#define REAL(function) \
    static __typeof__(function) *real; \
    if (!real) real = (__typeof__(function) *)dlsym(RTLD_NEXT, #function)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[FILES][64]; /* of the open files within the folder, by descriptor */
static int log_file = -1;
static long long room_left = -1;
static int ready;

static const char *within(const char *path)
{
    const char *folder = getenv("DISK_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length) || path[length] != '/') return NULL;
    return path + length + 1;
}

static int concerned(int descriptor)
{
    return descriptor >= 0 && descriptor < FILES && names[descriptor][0];
}

static void prepare(void)
{
    REAL(open64);
    if (ready) return;
    ready = 1;
    if (getenv("DISK_LOG"))
        log_file = real(getenv("DISK_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (getenv("DISK_BYTES")) room_left = atoll(getenv("DISK_BYTES"));
}

static void record(char op, const char *name, long long offset, size_t length, const void *data)
{
    REAL(write);
    char line[128];
    int head = snprintf(line, sizeof line, "%c %s %lld %zu\n", op, name, offset, length);
    if (log_file < 0) return;
    pthread_mutex_lock(&lock);
    if (real(log_file, line, head) != head || (data && real(log_file, data, length) < 0)) abort();
    pthread_mutex_unlock(&lock);
}

/* Whether the disk has room for the file to grow so far; takes it if so. */
static int room_for(int descriptor, long long end)
{
    struct stat state;
    prepare();
    if (room_left < 0 || fstat(descriptor, &state) || end <= state.st_size) return 1;
    if (end - state.st_size > room_left) {
        errno = ENOSPC;
        return 0;
    }
    room_left -= end - state.st_size;
    return 1;
}

static int forbidden(const char *path, int flags)
{
    if (!getenv("DISK_READ_ONLY") || !within(path)) return 0;
    if ((flags & O_ACCMODE) == O_RDONLY && !((flags & O_CREAT) && access(path, F_OK))) return 0;
    errno = EROFS;
    return 1;
}

static int opened(const char *path, int descriptor)
{
    if (descriptor < 0 || descriptor >= FILES) return descriptor;
    const char *name = within(path);
    prepare();
    snprintf(names[descriptor], sizeof names[0], "%s", name ? name : "");
    return descriptor;
}

#define OPEN(function) \
    int function(const char *path, int flags, ...) \
    { \
        REAL(function); \
        va_list rest; \
        va_start(rest, flags); \
        int mode = va_arg(rest, int); \
        va_end(rest); \
        return forbidden(path, flags) ? -1 : opened(path, real(path, flags, mode)); \
    }
OPEN(open)
OPEN(open64)

int close(int descriptor)
{
    REAL(close);
    if (concerned(descriptor)) names[descriptor][0] = 0;
    return real(descriptor);
}

#define PWRITE(function, offset_type) \
    ssize_t function(int descriptor, const void *data, size_t length, offset_type offset) \
    { \
        REAL(function); \
        if (!concerned(descriptor)) return real(descriptor, data, length, offset); \
        if (!room_for(descriptor, offset + (long long)length)) return -1; \
        ssize_t written = real(descriptor, data, length, offset); \
        if (written > 0) record('w', names[descriptor], offset, written, data); \
        return written; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int descriptor, const void *data, size_t length)
{
    REAL(write);
    if (!concerned(descriptor)) return real(descriptor, data, length);
    int appending = fcntl(descriptor, F_GETFL) & O_APPEND;
    off_t offset = lseek(descriptor, 0, appending ? SEEK_END : SEEK_CUR);
    if (!room_for(descriptor, offset + (long long)length)) return -1;
    ssize_t written = real(descriptor, data, length);
    if (written > 0) record('w', names[descriptor], offset, written, data);
    return written;
}

#define TRUNCATE(function, offset_type) \
    int function(int descriptor, offset_type size) \
    { \
        REAL(function); \
        if (!concerned(descriptor)) return real(descriptor, size); \
        if (!room_for(descriptor, size)) return -1; \
        int result = real(descriptor, size); \
        if (!result) record('t', names[descriptor], size, 0, NULL); \
        return result; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

static int is_directory(int descriptor)
{
    struct stat state;
    return !fstat(descriptor, &state) && S_ISDIR(state.st_mode);
}

#define SYNC(function) \
    int function(int descriptor) \
    { \
        REAL(function); \
        if (concerned(descriptor) && getenv("DISK_SLOW")) usleep(1000 * atoi(getenv("DISK_SLOW"))); \
        if (concerned(descriptor)) \
            record(is_directory(descriptor) ? 'S' : 's', names[descriptor], 0, 0, NULL); \
        return real(descriptor); \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path)
{
    REAL(unlink);
    int result = real(path);
    const char *name = within(path);
    prepare();
    if (!result && name) record('u', name, 0, 0, NULL);
    return result;
}

int rename(const char *path, const char *other)
{
    REAL(rename);
    const char *name = within(path), *new_name = within(other);
    prepare();
    if ((name || new_name) && getenv("DISK_READ_ONLY")) {
        errno = EROFS;
        return -1;
    }
    int result = real(path, other);
    if (!result && name && new_name) record('r', name, 0, strlen(new_name), new_name);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    const char *name = within(path);
    prepare();
    if (name && getenv("DISK_READ_ONLY") && access(path, F_OK)) {
        errno = EROFS;
        return -1;
    }
    int result = real(path, mode);
    if (!result && name) record('d', name, 0, 0, NULL);
    return result;
}
