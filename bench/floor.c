/* The floor under a Pod's start: the system calls alone, without any orchestrator.
 *
 * One run: cgroup-free sandbox (network, IPC, UTS, mount namespaces), veth with address and routes, a child in new PID and mount
 * namespaces, overlay, /proc, /dev, pivot_root, exec of a program that ends at once, reap. What nsorch needs beyond the numbers
 * printed here is its own cost.
 *
 *   cc -O2 -o floor bench/floor.c && unshare --net ./floor ROOTFS SCRATCH [RUNS]
 *
 * ROOTFS is a folder with /bin/true (static), SCRATCH an empty folder on a disk that can hold an overlay's upper layer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(1); }
#define MUST(call) do { if ((call) < 0) die(#call); } while (0)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* One datagram of netlink messages, built in place. */
static char out[8192];
static size_t used;
static int count;
static struct nlmsghdr *head;

static void *grow(size_t size) {
    void *at = out + used;
    memset(at, 0, NLMSG_ALIGN(size));
    used += NLMSG_ALIGN(size);
    return at;
}
static void *begin(int type, int flags, size_t size) {
    head = grow(NLMSG_HDRLEN);
    head->nlmsg_type = type;
    head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    head->nlmsg_seq = ++count;
    return grow(size);
}
static void end(void) { head->nlmsg_len = (uint32_t)(out + used - (char *)head); }
static struct rtattr *put(int type, const void *data, size_t size) {
    struct rtattr *attr = grow(RTA_LENGTH(size));
    attr->rta_type = type;
    attr->rta_len = RTA_LENGTH(size);
    if (size && data) memcpy(RTA_DATA(attr), data, size);
    return attr;
}
static void close_nest(struct rtattr *attr) { attr->rta_len = (unsigned short)(out + used - (char *)attr); }

static int netlink(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    MUST(fd);
    return fd;
}
static void transact(int fd) {
    char in[16384];
    MUST(send(fd, out, used, 0));
    while (count > 0) {
        int left = (int)recv(fd, in, sizeof in, 0);
        MUST(left);
        for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            if (h->nlmsg_type == NLMSG_ERROR) {
                errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
                if (errno) die("netlink");
                count--;
            }
    }
    used = 0;
}

static void make_veth(int host, const char *name) {
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct ifinfomsg *link = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
    link->ifi_flags = link->ifi_change = IFF_UP;
    put(IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = put(VETH_INFO_PEER, NULL, 0);
    struct ifinfomsg *other = grow(sizeof *other);
    other->ifi_index = 2;
    put(IFLA_IFNAME, "eth0", 5);
    put(IFLA_NET_NS_FD, &own, sizeof own);
    close_nest(peer);
    close_nest(data);
    close_nest(info);
    end();
    transact(host);
    close(own);
}

static void link_up(int index) {
    struct ifinfomsg *link = begin(RTM_NEWLINK, 0, sizeof *link);
    link->ifi_index = index;
    link->ifi_flags = link->ifi_change = IFF_UP;
    end();
}

static void configure(int inner, uint32_t address) {
    uint32_t gateway = inet_addr("169.254.1.1");
    int index = 2;
    link_up(1);
    link_up(2);
    struct ifaddrmsg *a = begin(RTM_NEWADDR, NLM_F_CREATE, sizeof *a);
    a->ifa_family = AF_INET;
    a->ifa_prefixlen = 32;
    a->ifa_index = 2;
    put(IFA_LOCAL, &address, 4);
    put(IFA_ADDRESS, &address, 4);
    end();
    struct ndmsg *n = begin(RTM_NEWNEIGH, NLM_F_CREATE, sizeof *n);
    n->ndm_family = AF_INET;
    n->ndm_ifindex = 2;
    n->ndm_state = NUD_PERMANENT;
    put(NDA_DST, &gateway, 4);
    put(NDA_LLADDR, "\xee\xee\xee\xee\xee\xee", 6);
    end();
    struct rtmsg *r = begin(RTM_NEWROUTE, NLM_F_CREATE, sizeof *r);
    r->rtm_family = AF_INET;
    r->rtm_table = RT_TABLE_MAIN;
    r->rtm_protocol = RTPROT_STATIC;
    r->rtm_type = RTN_UNICAST;
    r->rtm_flags = RTNH_F_ONLINK;
    put(RTA_GATEWAY, &gateway, 4);
    put(RTA_OIF, &index, 4);
    end();
    transact(inner);
}

static void container(const char *rootfs, const char *run) {
    char upper[4096], work[4096], root[4096], options[16384], path[8192];
    snprintf(upper, sizeof upper, "%s/upper", run);
    snprintf(work, sizeof work, "%s/work", run);
    snprintf(root, sizeof root, "%s/root", run);
    MUST(mkdir(upper, 0755));
    MUST(mkdir(work, 0755));
    MUST(mkdir(root, 0755));
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s,volatile", rootfs, upper, work);
    MUST(mount("overlay", root, "overlay", 0, options));
    MUST(chdir(root));
    mkdir("proc", 0755);
    mkdir("dev", 0755);
    MUST(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755"));
    for (int minor = 3; minor <= 9; minor += 2) {
        snprintf(path, sizeof path, "dev/%d", minor);
        MUST(mknod(path, S_IFCHR | 0666, makedev(1, minor)));
    }
    MUST(syscall(SYS_pivot_root, ".", "."));
    MUST(umount2(".", MNT_DETACH));
    MUST(chdir("/"));
    MUST(sethostname("floor", 5));
    char *argv[] = {"/bin/true", NULL}, *env[] = {NULL};
    execve(argv[0], argv, env);
    die("execve /bin/true");
}

static void pod(const char *rootfs, const char *scratch, int number) {
    char run[2048], name[16];
    snprintf(run, sizeof run, "%s/%d", scratch, number);
    snprintf(name, sizeof name, "floor%d", number);
    MUST(mkdir(run, 0755));
    int host = netlink();
    MUST(unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL));
    make_veth(host, name);
    configure(netlink(), htonl(0x0ac80000u + (uint32_t)number + 1));
    struct clone_args args = {.flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    MUST(pid);
    if (pid == 0) container(rootfs, run);
    int status;
    MUST(waitpid((pid_t)pid, &status, 0));
    exit(status != 0);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: floor ROOTFS SCRATCH [RUNS]\n");
        return 2;
    }
    int runs = argc > 3 ? atoi(argv[3]) : 50;
    double *took = calloc((size_t)runs, sizeof *took);
    for (int i = 0; i < runs; i++) {
        double start = now();
        pid_t pid = fork();
        MUST(pid);
        if (pid == 0) pod(argv[1], argv[2], i);
        int status;
        MUST(waitpid(pid, &status, 0));
        if (status) return 1;
        took[i] = now() - start;
        usleep(20000);
    }
    qsort(took, (size_t)runs, sizeof *took, compare);
    printf("floor: p50 %.2f ms, min %.2f, max %.2f (%d runs)\n", took[runs / 2], took[0], took[runs - 1], runs);
    free(took);
    return 0;
}
