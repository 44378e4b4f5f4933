/*
 * Plays the part of WinFsp's library towards what calls it: the same functions, structures and threads, and instead of a drive a socket that takes commands.
 * Written from the declarations of WinFsp's public headers for 64-bit Windows; the types have the sizes that they have there.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct timespec64 { int64_t tv_sec, tv_nsec; };
struct stat64 {
  uint32_t st_dev; uint64_t st_ino; uint32_t st_mode; uint16_t st_nlink; uint32_t st_uid, st_gid, st_rdev; int64_t st_size;
  struct timespec64 st_atim, st_mtim, st_ctim; int32_t st_blksize; int64_t st_blocks; struct timespec64 st_birthtim;
};
struct statvfs64 { uint64_t f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_fsid, f_flag, f_namemax; };
struct file_info {
  int flags; unsigned fh_old; int writepage; unsigned direct_io : 1, keep_cache : 1, flush : 1, nonseekable : 1, padding : 28; uint64_t fh, lock_owner;
};
struct conn_info { unsigned proto_major, proto_minor, async_read, max_write, max_readahead, capable, want, reserved[25]; };
struct args { int argc; char **argv; int allocated; };
struct env {
  unsigned environment; void *(*memalloc)(size_t); void (*memfree)(void *); int (*daemonize)(int); int (*set_signal_handlers)(void *);
  char *(*conv_to_win_path)(const char *); int32_t (*winpid_to_pid)(uint32_t); void (*reserved[2])();
};
typedef int (*fill_dir)(void *, const char *, const struct stat64 *, int64_t);
struct operations {
  int (*getattr)(const char *, struct stat64 *); void *getdir; int (*readlink)(const char *, char *, size_t); int (*mknod)(const char *, uint32_t, uint32_t);
  int (*mkdir)(const char *, uint32_t); int (*unlink)(const char *); int (*rmdir)(const char *); int (*symlink)(const char *, const char *);
  int (*rename)(const char *, const char *); void *link; int (*chmod)(const char *, uint32_t); void *chown; int (*truncate)(const char *, int64_t); void *utime;
  int (*open)(const char *, struct file_info *); int (*read)(const char *, char *, size_t, int64_t, struct file_info *);
  int (*write)(const char *, const char *, size_t, int64_t, struct file_info *); int (*statfs)(const char *, struct statvfs64 *); void *flush;
  int (*release)(const char *, struct file_info *); int (*fsync)(const char *, int, struct file_info *); int (*setxattr)(const char *, const char *, const char *, size_t, int);
  int (*getxattr)(const char *, const char *, char *, size_t); int (*listxattr)(const char *, char *, size_t); int (*removexattr)(const char *, const char *);
  void *opendir; int (*readdir)(const char *, void *, fill_dir, int64_t, struct file_info *); void *releasedir; int (*fsyncdir)(const char *, int, struct file_info *);
  void *(*init)(struct conn_info *); void *destroy; void *access; int (*create)(const char *, uint32_t, struct file_info *); int (*ftruncate)(const char *, int64_t, struct file_info *);
  int (*fgetattr)(const char *, struct stat64 *, struct file_info *); void *lock; int (*utimens)(const char *, const struct timespec64[2]); void *bmap;
  unsigned flag_nullpath_ok : 1, flag_nopath : 1, flag_utime_omit_ok : 1, flag_reserved : 29; void *ioctl, *poll, *write_buf, *read_buf, *flock, *fallocate, *getpath, *reserved01, *reserved02, *statfs_x,
  *setvolname, *exchange, *getxtimes, *setbkuptime, *setchgtime, *setcrtime, *chflags, *setattr_x, *fsetattr_x;
};

/* Offsets as the compiler lays them out, for the test that compares them with ours. */
#define SIZE(t) { #t, "", sizeof(struct t) }
#define AT(t, f) { #t, #f, offsetof(struct t, f) }
static const struct { const char *type, *field; size_t value; } facts[] = {
  SIZE(timespec64), AT(timespec64, tv_nsec), SIZE(stat64), AT(stat64, st_ino), AT(stat64, st_mode), AT(stat64, st_nlink), AT(stat64, st_uid), AT(stat64, st_gid), AT(stat64, st_rdev),
  AT(stat64, st_size), AT(stat64, st_atim), AT(stat64, st_mtim), AT(stat64, st_ctim), AT(stat64, st_blksize), AT(stat64, st_blocks), AT(stat64, st_birthtim),
  SIZE(statvfs64), AT(statvfs64, f_frsize), AT(statvfs64, f_bavail), AT(statvfs64, f_namemax), SIZE(file_info), AT(file_info, fh), AT(file_info, lock_owner),
  SIZE(conn_info), AT(conn_info, capable), AT(conn_info, want), AT(conn_info, reserved), SIZE(args), AT(args, argv), AT(args, allocated),
  SIZE(env), AT(env, memalloc), AT(env, memfree), AT(env, conv_to_win_path), AT(env, winpid_to_pid), AT(env, reserved),
  SIZE(operations), AT(operations, getattr), AT(operations, readlink), AT(operations, rename), AT(operations, open), AT(operations, read), AT(operations, write), AT(operations, statfs),
  AT(operations, release), AT(operations, fsync), AT(operations, getxattr), AT(operations, readdir), AT(operations, init), AT(operations, create), AT(operations, ftruncate),
  AT(operations, fgetattr), AT(operations, utimens), AT(operations, ioctl), AT(operations, getpath), AT(operations, setcrtime), AT(operations, fsetattr_x),
};
int fake_fact(int i, const char **type, const char **field) {
  if (i < 0 || i >= (int)(sizeof facts / sizeof *facts)) return -1;
  *type = facts[i].type; *field = facts[i].field;
  return (int)facts[i].value;
}

struct fuse { struct operations ops; char socket[100]; int listening; char options[1000]; };

void *fsp_fuse_mount(struct env *env, const char *at, struct args *args) {
  (void)args;
  if (env->environment != 'W' || strlen(at) != 2 || at[1] != ':') return NULL;
  char *channel = env->memalloc(3);
  return strcpy(channel, at);
}
void fsp_fuse_unmount(struct env *env, const char *at, void *channel) { (void)at; env->memfree(channel); }
void *fsp_fuse_new(struct env *env, void *channel, struct args *args, struct operations *ops, size_t size, void *data) {
  (void)channel; (void)data;
  if (size != sizeof *ops || getenv("FAKE_WINFSP") == NULL) return NULL;
  struct fuse *f = env->memalloc(sizeof *f);
  memset(f, 0, sizeof *f);
  f->ops = *ops;
  snprintf(f->socket, sizeof f->socket, "%s", getenv("FAKE_WINFSP"));
  for (int i = 1; i < args->argc; i++) { strcat(f->options, args->argv[i]); strcat(f->options, " "); }
  return f;
}
void fsp_fuse_destroy(struct env *env, struct fuse *f) { env->memfree(f); }
void fsp_fuse_exit(struct env *env, struct fuse *f) { (void)env; shutdown(f->listening, SHUT_RDWR); }

static int print_name(void *out, const char *name, const struct stat64 *st, int64_t at) {
  if (st != NULL || at != 0) return 1;
  fprintf(out, "%s\n", name);
  return 0;
}

/* One command a line, its words parted by tabs; the answer is lines and at the end "= STATUS". */
struct client { struct fuse *f; int fd; };
static void *talk(void *given) {
  struct client *client = given;
  struct operations *o = &client->f->ops;
  FILE *io = fdopen(client->fd, "r+"), *out = fdopen(dup(client->fd), "w");
  static __thread char line[1 << 17], buffer[1 << 16];
  struct file_info info;
  memset(&info, 0, sizeof info);
  while (fgets(line, sizeof line, io)) {
    char *word[6] = { "", "", "", "", "", "" };
    line[strcspn(line, "\n")] = 0;
    char *rest = line;
    for (int i = 0; i < 6 && rest; i++) word[i] = strsep(&rest, "\t");
    const char *verb = word[0], *path = word[1];
    struct stat64 st;
    struct statvfs64 vfs;
    int status = -9999;
    memset(&st, 0xa5, sizeof st);
#define IS(v) (strcmp(verb, v) == 0)
    if (IS("options")) { fprintf(out, "%s\n", client->f->options); status = 0; }
    else if (IS("getattr") || IS("fgetattr")) {
      status = IS("getattr") ? o->getattr(path, &st) : o->fgetattr(path, &st, &info);
      if (status == 0) fprintf(out, "%llu %o %u %u %u %lld %lld.%09lld %lld.%09lld %lld\n", (unsigned long long)st.st_ino, st.st_mode, st.st_nlink, st.st_uid, st.st_gid, (long long)st.st_size,
        (long long)st.st_atim.tv_sec, (long long)st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, (long long)st.st_mtim.tv_nsec, (long long)st.st_blocks);
    }
    else if (IS("readlink")) { status = o->readlink(path, buffer, (size_t)atoi(word[2])); if (status == 0) fprintf(out, "%s\n", buffer); }
    else if (IS("mknod")) status = o->mknod(path, (uint32_t)strtol(word[2], 0, 8), (uint32_t)atoi(word[3]));
    else if (IS("mkdir")) status = o->mkdir(path, (uint32_t)strtol(word[2], 0, 8));
    else if (IS("unlink")) status = o->unlink(path);
    else if (IS("rmdir")) status = o->rmdir(path);
    else if (IS("symlink")) status = o->symlink(path, word[2]);
    else if (IS("rename")) status = o->rename(path, word[2]);
    else if (IS("chmod")) status = o->chmod(path, (uint32_t)strtol(word[2], 0, 8));
    else if (IS("truncate")) status = o->truncate(path, atoll(word[2]));
    else if (IS("ftruncate")) status = o->ftruncate(path, atoll(word[2]), &info);
    else if (IS("open")) { info.flags = atoi(word[2]); status = o->open(path, &info); }
    else if (IS("create")) { info.flags = 0x0100 | 0x0400 | 2; status = o->create(path, (uint32_t)strtol(word[2], 0, 8), &info); }
    else if (IS("read")) { status = o->read(path, buffer, (size_t)atoi(word[2]), atoll(word[3]), &info); if (status > 0) { fwrite(buffer, 1, (size_t)status, out); fputc('\n', out); } }
    else if (IS("write")) status = o->write(path, word[2], strlen(word[2]), atoll(word[3]), &info);
    else if (IS("release")) { status = o->release(path, &info); info.fh = 0; }
    else if (IS("fsync")) status = o->fsync(path, 0, &info);
    else if (IS("readdir")) status = o->readdir(path, out, print_name, 0, &info);
    else if (IS("statfs")) { status = o->statfs("/", &vfs); if (status == 0) fprintf(out, "%llu %llu %llu %llu\n", (unsigned long long)vfs.f_frsize, (unsigned long long)vfs.f_blocks, (unsigned long long)vfs.f_bfree, (unsigned long long)vfs.f_namemax); }
    else if (IS("setxattr")) status = o->setxattr(path, word[2], word[3], strlen(word[3]), atoi(word[4]));
    else if (IS("getxattr")) { status = o->getxattr(path, word[2], buffer, (size_t)atoi(word[3])); if (status > 0 && atoi(word[3]) > 0) fprintf(out, "%.*s\n", status, buffer); }
    else if (IS("listxattr")) { status = o->listxattr(path, buffer, sizeof buffer); for (int i = 0; i < status; i += (int)strlen(buffer + i) + 1) fprintf(out, "%s\n", buffer + i); }
    else if (IS("removexattr")) status = o->removexattr(path, word[2]);
    else if (IS("utimens")) {
      struct timespec64 tv[2] = { { atoll(word[2]), atoll(word[3]) }, { atoll(word[4]), atoll(word[5]) } };
      status = o->utimens(path, *word[2] ? tv : NULL);
    }
    fprintf(out, "= %d\n", status);
    fflush(out);
  }
  fclose(out);
  fclose(io);
  free(client);
  return NULL;
}

/* As the library does: asks what it must know, then "mounts", and serves with threads of its own until it is told to end. */
int fsp_fuse_loop_mt(struct env *env, struct fuse *f) {
  (void)env;
  struct conn_info conn;
  struct statvfs64 vfs;
  struct stat64 st;
  char target[4096];
  memset(&conn, 0, sizeof conn);
  conn.capable = 1 << 22 | 1 << 29 | 1 << 5;
  f->ops.init(&conn);
  if (f->ops.statfs("/", &vfs) != 0 || f->ops.getattr("/", &st) != 0 || f->ops.readlink("/", target, sizeof target) == 0 || f->ops.getattr("/.", &st) != 0) return -1;
  sprintf(f->options + strlen(f->options), "want=%x", conn.want);
  struct sockaddr_un name = { .sun_family = AF_UNIX };
  snprintf(name.sun_path, sizeof name.sun_path, "%s", f->socket);
  f->listening = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(f->listening, (struct sockaddr *)&name, sizeof name) != 0 || listen(f->listening, 8) != 0) return -1;
  pthread_t threads[64];
  int count = 0;
  for (int fd; count < 64 && (fd = accept(f->listening, NULL, NULL)) >= 0; count++) {
    struct client *client = malloc(sizeof *client);
    client->f = f;
    client->fd = fd;
    pthread_create(&threads[count], NULL, talk, client);
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  close(f->listening);
  unlink(f->socket);
  return 0;
}
