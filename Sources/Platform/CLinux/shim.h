// What the Glibc overlay does not import: headers it leaves out, macros with arguments, and
// variadic functions. Only #includes and static inline wrappers; feature-test macros must not be
// set here, since the overlay is compiled without them.
#pragma once
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static inline struct cmsghdr *clinux_cmsg_first(struct msghdr *message) { return CMSG_FIRSTHDR(message); }
static inline struct cmsghdr *clinux_cmsg_next(struct msghdr *message, struct cmsghdr *header) {
    return CMSG_NXTHDR(message, header);
}
static inline void *clinux_cmsg_data(struct cmsghdr *header) { return CMSG_DATA(header); }
static inline size_t clinux_cmsg_space(size_t byteCount) { return CMSG_SPACE(byteCount); }
static inline size_t clinux_cmsg_length(size_t byteCount) { return CMSG_LEN(byteCount); }
static inline int clinux_pidfd_open(int pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static inline void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

// usbfs: a USB device as a file (kernel: Documentation/driver-api/usb/usb.rst).
#include <linux/ioctl.h>
#include <linux/usbdevice_fs.h>
enum {
    CLINUX_USB_CONTROL = USBDEVFS_CONTROL,
    CLINUX_USB_BULK = USBDEVFS_BULK,
    CLINUX_USB_RESET = USBDEVFS_RESET,
    CLINUX_USB_CLEAR_HALT = USBDEVFS_CLEAR_HALT,
    CLINUX_USB_SET_CONFIGURATION = USBDEVFS_SETCONFIGURATION,
    CLINUX_USB_RELEASE_INTERFACE = USBDEVFS_RELEASEINTERFACE,
    CLINUX_USB_DISCONNECT_CLAIM = USBDEVFS_DISCONNECT_CLAIM,
};

// Behind _GNU_SOURCE in the C library's own headers.
#include <linux/falloc.h>
#include <sys/types.h>
#include <spawn.h>
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_openpt(int flags);
extern int grantpt(int terminal);
extern int unlockpt(int terminal);
extern char *ptsname(int terminal);
extern int pipe2(int descriptors[2], int flags);
extern int fallocate(int descriptor, int mode, off_t offset, off_t byteCount);
// spawn.h and sys/reboot.h.
enum { CLINUX_POSIX_SPAWN_SETSID = 0x80, CLINUX_POWER_OFF = 0x4321fedc };
enum { CLINUX_SEEK_DATA = 3, CLINUX_SEEK_HOLE = 4 };
// `struct ucred` and SO_PEERGROUPS are behind _GNU_SOURCE or newer than the C library.
struct clinux_ucred {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};
enum { CLINUX_SO_PEERGROUPS = 59 };
static inline int clinux_peer_credentials(int descriptor, struct clinux_ucred *credentials) {
    socklen_t byteCount = sizeof *credentials;
    return getsockopt(descriptor, SOL_SOCKET, 17 /* SO_PEERCRED */, credentials, &byteCount);
}
static inline int clinux_accept(int listener) {
    return (int)syscall(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

// Generic netlink, block devices and nbd. O_DIRECT has no name without _GNU_SOURCE; requests to
// drivers are macros with arguments.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
enum { CLINUX_O_DIRECT = __O_DIRECT };
enum { CLINUX_SOL_NETLINK = 270 };
enum { CLINUX_NETLINK_GENERIC = NETLINK_GENERIC, CLINUX_ADD_MEMBERSHIP = NETLINK_ADD_MEMBERSHIP };
enum {
    CLINUX_BLKSSZGET = _IO(0x12, 104),
    CLINUX_BLKFLSBUF = _IO(0x12, 97),
    CLINUX_NBD_SET_SOCK = _IO(0xab, 0),
    CLINUX_NBD_SET_BLKSIZE = _IO(0xab, 1),
    CLINUX_NBD_DO_IT = _IO(0xab, 3),
    CLINUX_NBD_CLEAR_SOCK = _IO(0xab, 4),
    CLINUX_NBD_SET_SIZE_BLOCKS = _IO(0xab, 7),
    CLINUX_NBD_DISCONNECT = _IO(0xab, 8),
    CLINUX_NBD_SET_TIMEOUT = _IO(0xab, 9),
    CLINUX_NBD_SET_FLAGS = _IO(0xab, 10),
};
static inline int clinux_ioctl(int descriptor, unsigned long request, unsigned long argument) {
    return ioctl(descriptor, request, argument);
}
static inline int clinux_ioctl_pointer(int descriptor, unsigned long request, void *argument) {
    return ioctl(descriptor, request, argument);
}

// mount(2) with the flags of a share that nobody may run anything from.
#include <sys/mount.h>
static inline int clinux_mount_cifs(const char *share, const char *folder, int isReadOnly, const char *options) {
    return mount(share, folder, "cifs", MS_NOSUID | MS_NODEV | MS_NOEXEC | (isReadOnly ? MS_RDONLY : 0), options);
}
static inline int clinux_detach_mount(const char *folder) { return umount2(folder, MNT_DETACH); }

// explicit_bzero is behind _DEFAULT_SOURCE.
extern void explicit_bzero(void *bytes, size_t byteCount);
static inline void clinux_wipe(void *bytes, size_t byteCount) { explicit_bzero(bytes, byteCount); }
