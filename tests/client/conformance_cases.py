# SPDX-License-Identifier: BSD-2-Clause
"""The sequences of requests that 40-conformance.t sends to both bricks."""

import errno
import os
import struct

from brick import wait_until
from wire import *  # noqa: F401,F403

# (regex of "case: label: operation", regex of field, why it differs on purpose)
DELIBERATE = [
    (r"preop: mkdir.*differs: .*", r"op_errno",
     "the stock brick fails with errno 0"),
    (r"(create|mkdir|mknod|unlink|rename): (.* )?(to )?"
     r"(dot|dotdot|empty( name)?): .*", r"op_errno",
     "'.', '..' and '' are no names of entries: EINVAL whatever the operation;"
     " no client sends them"),
    (r"unlink: 256: UNLINK", r"op_errno",
     "a name that is too long is called that, not missing"),
    (r"mkdir: gfid of a file: MKDIR", r"op_ret|op_errno",
     "the stock brick makes a directory whose handle is a file's"),
    (r"linkto: (link )?force-replace: .*", r"op_ret|op_errno",
     "the stock brick refuses, but only while the pointer file is in its "
     "table; what was asked for is done"),
    (r"rename: onto itself: RENAME", r"stat.nlink",
     "the stock brick takes the handle off twice"),
    (r"space: fallocate huge .*", r"op_errno",
     "no size that is too large for the file system fits into its free space, "
     "and we look at that first"),
    (r"space: copy anonymous: .*", r"op_ret|op_errno",
     "the stock brick fails with errno 0"),
    (r"lock_counts: (access|statfs): .*", r"xdata",
     "an empty dictionary for none: clients treat them alike"),
    (r"xattrs: set empty name.*", r"op_ret|op_errno|rpc",
     "a dictionary with a key without a name does not decode; no client sends "
     "it"),
    (r"xattrs: set null dict.*", r"op_ret|op_errno",
     "nothing to set is nothing to fail, null or empty; clients send none"),
    (r"xattrs: set (internal-ctx|force-replace).*", r"op_ret|op_errno",
     "control keys are no xattrs, by path or by fd"),
    (r"xattrs: set lockinfo.*: SETXATTR", r"op_ret|op_errno",
     "the stock brick stores as an xattr what only moves an fd's locks"),
    (r"xattrs: set durable int.*", r"op_ret|op_errno",
     "the stock brick stores times that it cannot read back"),
    (r"xattrs: .*directory: .*",
     r"(dict\.trusted\.glusterfs\.mdata)",
     "what the stock brick made of those times"),
    (r"xattrs: (get as geo-rep|remove) trusted.glusterfs.mdata, directory: .*",
     r"op_ret|op_errno", "what the stock brick made of those times"),
    (r"xattrs: list.*: FGETXATTR",
     r"dict\.trusted\.(gfid2path\..*|pgfid\..*|glusterfs\.(lockinfo|mdata|"
     r"quota\..*))",
     "what a listing by path hides, a listing by fd hides too"),
    (r"xattrs: get .*selinux.*: FGETXATTR",
     r"dict\.(security|trusted\.glusterfs)\.selinux",
     "the stock brick answers through an fd under its own name for the xattr, "
     "where the caller does not find it"),
    (r"xattrs: empty name, namelen 1.*", r"dict.*|op_ret|op_errno",
     "the stock brick takes no name for the beginning of another; without a "
     "name all are listed"),
    (r"acl: set bad text: .*", r"op_errno",
     "text that is no ACL is an invalid argument"),
    (r"permissions: .*: rename: RENAME", r"op_errno",
     "who may not search a directory is told so, not that the name is "
     "missing; a client's own lookup fails first, with the same error"),
    (r"readdir: list-xattr: READDIRP", r"entry .*",
     "the xattrs that were asked for are there; the stock brick forgets them "
     "in listings"),
    (r"locks: bad command: LK", r"op_ret|op_errno",
     "a command that does not exist does not succeed"),
    (r"locks: anonymous: LK", r"op_ret|op_errno",
     "a lock lives as long as its fd, and an anonymous one ends with the "
     "request"),
    (r"clear_locks: t(inode|posix)\.kall\..*: GETXATTR",
     r"op_ret|op_errno|dict.*",
     "the stock brick reads the end of an order only where there are locks"),
    (r"rest: lease: LEASE", r"op_errno",
     "operations of later issues answer EOPNOTSUPP"),
    (r"rest: ipc changelog: IPC", r"op_ret|op_errno",
     "a feature that is off takes messages without complaint"),
    (r"rest: handshake 5: .*", r"rpc",
     "EVENT_NOTIFY is taken note of"),
    (r"setvolume: (unknown subvolume|no uuid|wrong volume-id|bad volume-id|"
     r"missing subdirectory): SETVOLUME", r"reply",
     "a refusal says why and nothing else; clients read no more of it"),
    (r"setvolume: (no version|wrong version|version text): SETVOLUME",
     r"reply", "the text says which version would do"),
    (r"setvolume: missing subdirectory, then LOOKUP: .*", r"op_ret|rpc",
     "who was refused is nobody's client"),
    (r"xattrop: odd \d+( by fd)?: .*", r"op_ret|op_errno",
     "what is no whole number of elements is no array: no client sends it"),
    (r"xattrop: null: XATTROP", r"op_errno",
     "no dictionary is an invalid argument, not a want of memory"),
    (r"xattrop: a number: XATTROP", r"op_ret|op_errno",
     "a number that is stored as text is no array"),
]

# What brickfsck may find afterwards: an entry made behind the brick's back
# gets its gfid from a lookup, but no back reference.
KNOWN_MESS = [r"/case3/(file|link): no trusted.gfid2path"]

BIG = "n" * 255
LONG = "n" * 256


def x_gfid(g, **more):
    x = {"gfid-req": v_gfid(g)}
    x.update({k.replace("__", "."): v for k, v in more.items()})
    return x


def handshake(t):
    """programs and the root"""
    t("root", "LOOKUP", gfid=ROOT)
    t("root with null xdata", "LOOKUP", gfid=ROOT, xdata=None)
    t("root by dot", "LOOKUP", pargfid=ROOT, bname=".")
    t("root by dotdot", "LOOKUP", pargfid=ROOT, bname="..")
    t("stat root", "STAT", gfid=ROOT)
    t("stat root, null xdata", "STAT", gfid=ROOT, xdata=None)
    t("statfs", "STATFS", gfid=ROOT)
    t("access F_OK", "ACCESS", gfid=ROOT, mask=0)
    t("access all", "ACCESS", gfid=ROOT, mask=7)
    t("access odd bits", "ACCESS", gfid=ROOT, mask=0o100)


def lookup(t):
    """LOOKUP"""
    g, fd = t.make("f", b"hello")
    d = t.mkdir("d")
    t("file", "LOOKUP", pargfid=t.dir, bname="f")
    t("file with right gfid", "LOOKUP", gfid=g, pargfid=t.dir, bname="f")
    t("file with wrong gfid", "LOOKUP", gfid=d, pargfid=t.dir, bname="f")
    t("directory", "LOOKUP", pargfid=t.dir, bname="d")
    t("by gfid", "LOOKUP", gfid=g)
    t("directory by gfid", "LOOKUP", gfid=d)
    t("missing", "LOOKUP", pargfid=t.dir, bname="none")
    t("missing with gfid-req", "LOOKUP", pargfid=t.dir, bname="none",
      xdata=x_gfid(t.new_gfid()))
    t("unknown gfid", "LOOKUP", gfid=t.new_gfid())
    t("unknown parent", "LOOKUP", pargfid=t.new_gfid(), bname="f")
    t("null gfid", "LOOKUP")
    t("below a file", "LOOKUP", pargfid=g, bname="f")
    t("dot", "LOOKUP", pargfid=d, bname=".")
    t("dotdot", "LOOKUP", pargfid=d, bname="..")
    t("name with slash", "LOOKUP", pargfid=t.dir, bname="d/f")
    t("absolute name", "LOOKUP", pargfid=t.dir, bname="/etc")
    t("climbing name", "LOOKUP", pargfid=t.dir, bname="../f")
    t("name of 255", "LOOKUP", pargfid=t.dir, bname=BIG)
    t("name of 256", "LOOKUP", pargfid=t.dir, bname=LONG)
    t(".glusterfs", "LOOKUP", pargfid=ROOT, bname=".glusterfs")
    t(".glusterfs deeper", "LOOKUP", pargfid=t.dir, bname=".glusterfs")
    t("gfid-req ignored", "LOOKUP", pargfid=t.dir, bname="f",
      xdata=x_gfid(t.new_gfid()))


def foreign(t):
    """entries made behind the brick's back"""
    open(t.path("file"), "w").close()
    os.utime(t.path("file"))
    os.mkdir(t.path("dir"))
    os.symlink("nowhere", t.path("link"))
    for n in ("file", "dir", "link"):
        t("gfid-less %s" % n, "LOOKUP", pargfid=t.dir, bname=n)
        t("gfid-less %s allowed" % n, "LOOKUP", pargfid=t.dir, bname=n,
          xdata={"gfidless-lookup": v_int(1)})
    r = t("list", "OPENDIR", gfid=t.dir)
    if r and r.ok:
        t("gfid-less in READDIRP", "READDIRP", gfid=t.dir, fd=r.fd,
          size=65536)
    for n in ("file", "dir", "link"):
        t("heal %s" % n, "LOOKUP", pargfid=t.dir, bname=n,
          xdata=x_gfid(t.new_gfid()))
        t("healed %s" % n, "LOOKUP", pargfid=t.dir, bname=n)


def content_keys(t):
    """xdata that asks for content, counts and xattrs"""
    g, fd = t.make("f", b"hello")
    e, _ = t.make("empty")
    d = t.mkdir("d")
    t.client.fop("SETXATTR", gfid=g, dict={
        "user.a": v_ptr(b"1"), "user.b": v_ptr(b"22"),
        "trusted.afr.x": v_ptr(bytes(12))})
    asks = {
        "content": {"glusterfs.content": v_uint(100)},
        "content too large": {"glusterfs.content": v_uint(3)},
        "content int": {"glusterfs.content": v_int(5)},
        "open-fd-count": {"glusterfs.open-fd-count": v_uint(1)},
        "active-fd-count": {"glusterfs.open-active-fd-count": v_uint(1)},
        "get-size": {"get-size": v_int(1)},
        "list-xattr": {"list-xattr": v_int(1)},
        "ancestry": {"glusterfs.ancestry.path": v_int(1)},
        "an xattr": {"user.a": v_int(0)},
        "xattrs by pattern": {"user.*": v_int(0)},
        "trusted pattern": {"trusted.afr.*": v_int(0)},
        "absent xattr": {"user.none": v_uint(0)},
        "acl": {"system.posix_acl_access": v_int(0)},
        "acl text": {"glusterfs.posix.acl": v_int(0)},
        "default acl text": {"glusterfs.posix.default_acl": v_int(0)},
        "gfid": {"trusted.gfid": v_int(0)},
        "volume-id": {"trusted.glusterfs.volume-id": v_int(0)},
        "gfid2path": {"trusted.gfid2path.*": v_int(0)},
        "mdata": {"trusted.glusterfs.mdata": v_int(0)},
        "link count": {"gf_request_link_count": v_int(1)},
        "get-link-count": {"get-link-count": v_int(1)},
        "posixlk-count": {"glusterfs.posixlk-count": v_int(0)},
        "inodelk-count": {"glusterfs.inodelk-count": v_uint(0)},
        "entrylk-count": {"glusterfs.entrylk-count": v_uint(0)},
        "dom-count": {"glusterfs.inodelk-dom-count": v_str("dom")},
        "multi-dom": {"glusterfs.multi-dom-lk-cnt-req": v_uint(1),
                      "glusterfs.inodelk-dom-prefix:dom": v_uint(1)},
        "parent-entrylk": {"glusterfs.parent-entrylk": v_uint(1)},
        "heal pending": {"link-count": v_str("glusterfs.xattrop_index_count")},
        "an unknown key": {"who.knows": v_str("x")},
        "unlinked": {"unlinked-lookup": v_uint(1)},
        "internal-fop": {"glusterfs-internal-fop": v_str("yes")},
        "quota": {"trusted.glusterfs.quota.size": v_int(0)},
        "selinux": {"security.selinux": v_int(0)},
        "capability": {"security.capability": v_int(0)},
        "mode in xattr": {"dht-get-mode-in-xattr": v_int(1)},
        "iatt in xattr": {"dht-get-iatt-in-xattr": v_int(1)},
    }
    for label, x in asks.items():
        t(label, "LOOKUP", pargfid=t.dir, bname="f", xdata=x)
        t(label + ", by gfid", "LOOKUP", gfid=g, xdata=x)
        t(label + ", empty file", "LOOKUP", gfid=e, xdata=x)
        t(label + ", directory", "LOOKUP", gfid=d, xdata=x)
        t(label + ", missing", "LOOKUP", pargfid=t.dir, bname="no", xdata=x)
        t(label, "STAT", gfid=g, xdata=x)
        t(label, "FSTAT", gfid=g, fd=fd, xdata=x)
        t(label, "SETATTR", gfid=g, stbuf={"mode": 0o644},
          valid=SETATTR_MODE, xdata=x)
        t(label, "FSETATTR", gfid=g, fd=fd, stbuf={"mode": 0o644},
          valid=SETATTR_MODE, xdata=x)
        t(label, "GETXATTR", gfid=g, namelen=1, name="user.a", xdata=x)
        t(label, "FGETXATTR", gfid=g, fd=fd, namelen=1, name="user.a",
          xdata=x)


def lock_counts(t):
    """lock counts asked on every operation"""
    x = {"glusterfs.inodelk-dom-count": v_str("dom")}
    g, fd = t.make("f", b"hello world")
    d = t.mkdir("d")
    dfd = t.client.fop("OPENDIR", gfid=d).fd
    a = t.new_gfid
    t("mkdir", "MKDIR", pargfid=d, bname="m", mode=0o755,
      xdata=x_gfid(a(), **x))
    t("mknod", "MKNOD", pargfid=d, bname="n", mode=0o100644,
      xdata=x_gfid(a(), **x))
    t("symlink", "SYMLINK", pargfid=d, bname="s", linkname="t",
      xdata=x_gfid(a(), **x))
    r = t("create", "CREATE", pargfid=d, bname="c", flags=O_RDWR, mode=0o644,
          xdata=x_gfid(a(), **x))
    t("link", "LINK", oldgfid=g, newgfid=d, newbname="l", xdata=x)
    t("rename", "RENAME", oldgfid=d, newgfid=d, oldbname="l", newbname="l2",
      xdata=x)
    t("unlink", "UNLINK", pargfid=d, bname="l2", xdata=x)
    t("rmdir", "RMDIR", pargfid=d, bname="m", xdata=x)
    t("open", "OPEN", gfid=g, flags=O_RDWR, xdata=x)
    t("opendir", "OPENDIR", gfid=d, xdata=x)
    t("readdir", "READDIR", gfid=d, fd=dfd, size=4096, xdata=x)
    t("readdirp", "READDIRP", gfid=d, fd=dfd, size=8192, xdata=x)
    t("read", "READ", gfid=g, fd=fd, size=4, xdata=x)
    t("write", "WRITE", gfid=g, fd=fd, size=3, payload=b"abc", xdata=x)
    t("flush", "FLUSH", gfid=g, fd=fd, xdata=x)
    t("fsync", "FSYNC", gfid=g, fd=fd, xdata=x)
    t("fsyncdir", "FSYNCDIR", gfid=d, fd=dfd, xdata=x)
    t("truncate", "TRUNCATE", gfid=g, offset=8, xdata=x)
    t("ftruncate", "FTRUNCATE", gfid=g, fd=fd, offset=8, xdata=x)
    t("seek", "SEEK", gfid=g, fd=fd, xdata=x)
    t("fallocate", "FALLOCATE", gfid=g, fd=fd, size=8, xdata=x)
    t("discard", "DISCARD", gfid=g, fd=fd, size=8, xdata=x)
    t("zerofill", "ZEROFILL", gfid=g, fd=fd, size=8, xdata=x)
    t("rchecksum", "RCHECKSUM", gfid=g, fd=fd, len=8, xdata=x)
    t("fsetattr", "FSETATTR", gfid=g, fd=fd, valid=0, xdata=x)
    t("fsetxattr", "FSETXATTR", gfid=g, fd=fd,
      dict={"user.q": v_ptr(b"1")}, xdata=x)
    t("fremovexattr", "FREMOVEXATTR", gfid=g, fd=fd, name="user.q", xdata=x)
    t("setxattr", "SETXATTR", gfid=g, dict={"user.q": v_ptr(b"1")}, xdata=x)
    t("getxattr", "GETXATTR", gfid=g, namelen=1, name="user.q", xdata=x)
    t("removexattr", "REMOVEXATTR", gfid=g, name="user.q", xdata=x)
    t("readlink", "READLINK", gfid=g, size=100, xdata=x)
    t("access", "ACCESS", gfid=g, xdata=x)
    t("statfs", "STATFS", gfid=g, xdata=x)
    t("stat", "STAT", gfid=g, xdata=x)
    t("lk", "LK", gfid=g, fd=fd, cmd=SETLK, type=WRLCK, flock={}, xdata=x)
    t("release", "RELEASE", gfid=g, fd=fd, xdata=x)
    t("releasedir", "RELEASEDIR", gfid=d, fd=dfd, xdata=x)


def create(t):
    """CREATE"""
    for label, kw in {
            "plain": {"flags": O_RDWR, "mode": 0o644},
            "flags 0": {"flags": 0, "mode": 0o600},
            "exclusive": {"flags": O_RDWR | O_EXCL, "mode": 0o640},
            "write only": {"flags": O_WRONLY, "mode": 0o444},
            "suid": {"flags": O_RDWR, "mode": 0o6755},
            "sign-extended mode": {"flags": O_RDWR, "mode": 0xffff81a4},
            "umask": {"flags": O_RDWR, "mode": 0o666, "umask": 0o077},
            "mode 0": {"flags": O_RDWR, "mode": 0},
            "sticky": {"flags": O_RDWR, "mode": 0o1644},
            "direct": {"flags": O_RDWR | O_DIRECT, "mode": 0o644},
            "sync": {"flags": O_RDWR | O_SYNC, "mode": 0o644},
            "nofollow": {"flags": O_RDWR | O_NOFOLLOW, "mode": 0o644},
            "directory flag": {"flags": O_RDWR | O_DIRECTORY, "mode": 0o644},
    }.items():
        t(label, "CREATE", pargfid=t.dir, bname="c " + label,
          xdata=x_gfid(t.new_gfid()), **kw)
        t(label + ", looked up", "LOOKUP", pargfid=t.dir, bname="c " + label)
    g, fd = t.make("there", b"data")
    d = t.mkdir("d")
    mk = dict(pargfid=t.dir, mode=0o600)
    t("existing", "CREATE", bname="there", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("existing, same gfid", "CREATE", bname="there", flags=O_RDWR,
      xdata=x_gfid(g), **mk)
    t("existing, exclusive", "CREATE", bname="there", flags=O_RDWR | O_EXCL,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("existing, truncate", "CREATE", bname="there", flags=O_RDWR | O_TRUNC,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("existing, flags 0", "CREATE", bname="there", flags=0,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("on a directory", "CREATE", bname="d", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("no gfid-req", "CREATE", bname="x1", flags=O_RDWR, xdata={}, **mk)
    t("null xdata", "CREATE", bname="x2", flags=O_RDWR, xdata=None, **mk)
    t("null gfid-req", "CREATE", bname="x3", flags=O_RDWR,
      xdata=x_gfid(NULL), **mk)
    t("gfid-req as bytes", "CREATE", bname="x4", flags=O_RDWR,
      xdata={"gfid-req": v_ptr(t.new_gfid())}, **mk)
    t("gfid of another file", "CREATE", bname="x5", flags=O_RDWR | O_EXCL,
      xdata=x_gfid(g), **mk)
    t("gfid of a directory", "CREATE", bname="x6", flags=O_RDWR | O_EXCL,
      xdata=x_gfid(d), **mk)
    t("dot", "CREATE", bname=".", flags=O_RDWR, xdata=x_gfid(t.new_gfid()),
      **mk)
    t("dotdot", "CREATE", bname="..", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("empty name", "CREATE", bname="", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("slash", "CREATE", bname="d/x", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("absolute", "CREATE", bname="/tmp/x", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid()), **mk)
    t("255", "CREATE", bname=BIG, flags=O_RDWR, xdata=x_gfid(t.new_gfid()),
      **mk)
    t("256", "CREATE", bname=LONG, flags=O_RDWR, xdata=x_gfid(t.new_gfid()),
      **mk)
    t("unknown parent", "CREATE", pargfid=t.new_gfid(), bname="x",
      flags=O_RDWR, mode=0o644, xdata=x_gfid(t.new_gfid()))
    t("parent a file", "CREATE", pargfid=g, bname="x", flags=O_RDWR,
      mode=0o644, xdata=x_gfid(t.new_gfid()))
    t("null parent", "CREATE", pargfid=NULL, bname="x", flags=O_RDWR,
      mode=0o644, xdata=x_gfid(t.new_gfid()))
    t(".glusterfs", "CREATE", pargfid=ROOT, bname=".glusterfs",
      flags=O_RDWR, mode=0o644, xdata=x_gfid(t.new_gfid()))
    t("xattrs", "CREATE", bname="xa", flags=O_RDWR,
      xdata=x_gfid(t.new_gfid(), **{
          "user.ptr": v_ptr(b"raw"), "user.str": v_str("text"),
          "user.int": v_int(-7), "user.uint": v_uint(9),
          "trusted.glusterfs.dht.linkto": v_str("v-client-1"),
          "umask": v_int(0o022), "mode": v_int(0o666)}), **mk)
    t("xattrs listed", "LOOKUP", pargfid=t.dir, bname="xa",
      xdata={"list-xattr": v_int(1)})
    t("as a user", "CREATE", bname="u1", flags=O_RDWR, cred=Cred(
        5, 1001, 1002), xdata=x_gfid(t.new_gfid()), **mk)
    t.client.fop("SETATTR", gfid=d, stbuf={"mode": 0o2777, "gid": 77},
                 valid=SETATTR_MODE | SETATTR_GID)
    t("in setgid directory", "CREATE", pargfid=d, bname="g", flags=O_RDWR,
      mode=0o666, cred=Cred(5, 1001, 1002), xdata=x_gfid(t.new_gfid()))
    t("mkdir in setgid directory", "MKDIR", pargfid=d, bname="gd",
      mode=0o777, cred=Cred(5, 1001, 1002), xdata=x_gfid(t.new_gfid()))
    t("mknod in setgid directory", "MKNOD", pargfid=d, bname="gn",
      mode=0o010666, cred=Cred(5, 1001, 1002), xdata=x_gfid(t.new_gfid()))
    t("symlink in setgid directory", "SYMLINK", pargfid=d, bname="gs",
      linkname="t", cred=Cred(5, 1001, 1002), xdata=x_gfid(t.new_gfid()))


def mkdir(t):
    """MKDIR and RMDIR"""
    g, fd = t.make("f", b"x")
    d = t.mkdir("there")
    sub = t.mkdir("sub", d)
    for label, kw in {
            "plain": {"mode": 0o755},
            "with type bits": {"mode": 0o40755},
            "suid, sgid, sticky": {"mode": 0o7777},
            "umask": {"mode": 0o777, "umask": 0o027},
            "mode 0": {"mode": 0},
    }.items():
        t(label, "MKDIR", pargfid=t.dir, bname="m " + label,
          xdata=x_gfid(t.new_gfid()), **kw)
    for label, name in {"existing": "there", "existing file": "f",
                        "dot": ".", "dotdot": "..", "empty": "",
                        "slash": "there/x", "absolute": "/tmp/x",
                        "255": BIG, "256": LONG}.items():
        t(label, "MKDIR", pargfid=t.dir, bname=name, mode=0o755,
          xdata=x_gfid(t.new_gfid()))
    t("existing, same gfid", "MKDIR", pargfid=t.dir, bname="there",
      mode=0o755, xdata=x_gfid(d))
    t("no gfid-req", "MKDIR", pargfid=t.dir, bname="n", mode=0o755)
    t("gfid of a file", "MKDIR", pargfid=t.dir, bname="n", mode=0o755,
      xdata=x_gfid(g))
    t("xattrs", "MKDIR", pargfid=t.dir, bname="xa", mode=0o755,
      xdata=x_gfid(t.new_gfid(), **{
          "trusted.glusterfs.dht": v_ptr(bytes(16)),
          "user.s": v_str("s"), "glusterfs.internal-ctx": v_ptr(bytes(32))}))
    t("xattrs listed", "LOOKUP", pargfid=t.dir, bname="xa",
      xdata={"list-xattr": v_int(1)})
    t(".glusterfs", "MKDIR", pargfid=ROOT, bname=".glusterfs", mode=0o755,
      xdata=x_gfid(t.new_gfid()))
    t("unknown parent", "MKDIR", pargfid=t.new_gfid(), bname="x",
      mode=0o755, xdata=x_gfid(t.new_gfid()))
    t("parent a file", "MKDIR", pargfid=g, bname="x", mode=0o755,
      xdata=x_gfid(t.new_gfid()))
    t("rmdir full", "RMDIR", pargfid=t.dir, bname="there")
    t("rmdir file", "RMDIR", pargfid=t.dir, bname="f")
    t("rmdir missing", "RMDIR", pargfid=t.dir, bname="none")
    t("rmdir dot", "RMDIR", pargfid=d, bname=".")
    t("rmdir dotdot", "RMDIR", pargfid=d, bname="..")
    t("rmdir slash", "RMDIR", pargfid=t.dir, bname="there/sub")
    t("rmdir .glusterfs", "RMDIR", pargfid=ROOT, bname=".glusterfs")
    t("rmdir .glusterfs, recursive", "RMDIR", pargfid=ROOT, xflags=1,
      bname=".glusterfs")
    t("rmdir", "RMDIR", pargfid=d, bname="sub")
    t("removed, by gfid", "LOOKUP", gfid=sub)
    t("removed, stat", "STAT", gfid=sub)
    t("removed, opendir", "OPENDIR", gfid=sub)
    t("removed, as parent", "MKDIR", pargfid=sub, bname="x", mode=0o755,
      xdata=x_gfid(t.new_gfid()))
    t("removed, lookup in it", "LOOKUP", pargfid=sub, bname="x")
    t("same gfid again", "MKDIR", pargfid=d, bname="sub", mode=0o755,
      xdata=x_gfid(sub))
    t.make("deep", b"x", parent=sub)
    t("rmdir recursive", "RMDIR", pargfid=t.dir, xflags=1, bname="there")
    t("gone", "LOOKUP", pargfid=t.dir, bname="there")


def preop(t):
    """checks of a parent's xattr before CREATE and MKDIR"""
    key = "trusted.glusterfs.dht"
    d = t.mkdir("d")

    def x(value):
        return x_gfid(t.new_gfid(), **{
            "glusterfs.preop.parent.key": v_str(key), key: v_ptr(value)})
    t("create, xattr missing", "CREATE", pargfid=d, bname="a", flags=O_RDWR,
      mode=0o644, xdata=x(bytes(16)))
    t("mkdir, xattr missing", "MKDIR", pargfid=d, bname="b", mode=0o755,
      xdata=x(bytes(16)))
    t.client.fop("SETXATTR", gfid=d, dict={key: v_ptr(bytes(16))})
    t("create, xattr differs", "CREATE", pargfid=d, bname="c", flags=O_RDWR,
      mode=0o644, xdata=x(b"1" * 16))
    t("mkdir, xattr differs", "MKDIR", pargfid=d, bname="e", mode=0o755,
      xdata=x(b"1" * 16))
    t("create, xattr equal", "CREATE", pargfid=d, bname="f", flags=O_RDWR,
      mode=0o644, xdata=x(bytes(16)))
    t("create, not stored", "GETXATTR", gfid=t.new_gfid())
    t("mkdir, xattr equal", "MKDIR", pargfid=d, bname="g", mode=0o755,
      xdata=x(bytes(16)))
    t("mkdir, listed", "LOOKUP", pargfid=d, bname="g",
      xdata={"list-xattr": v_int(1)})
    t("create, listed", "LOOKUP", pargfid=d, bname="f",
      xdata={"list-xattr": v_int(1)})


def mknod(t):
    """MKNOD, SYMLINK, READLINK, LINK"""
    g, fd = t.make("f", b"x")
    d = t.mkdir("d")
    for label, mode, dev in (("regular", 0o100644, 0), ("fifo", 0o010600, 0),
                             ("socket", 0o140644, 0),
                             ("char", 0o020660, 0x103),
                             ("block", 0o060660, 0x801),
                             ("no type", 0o644, 0),
                             ("directory", 0o040755, 0),
                             ("symlink", 0o120777, 0)):
        n = t.new_gfid()
        t(label, "MKNOD", pargfid=t.dir, bname="n " + label, mode=mode,
          dev=dev, xdata=x_gfid(n))
        t(label + ", looked up", "LOOKUP", gfid=n)
        t(label + ", opened", "OPEN", gfid=n, flags=O_RDWR | 0o4000)
        t(label + ", read link", "READLINK", gfid=n, size=100)
        t(label + ", set mode", "SETATTR", gfid=n, stbuf={"mode": 0o600},
          valid=SETATTR_MODE)
    for label, name in {"existing": "f", "slash": "d/x", "absolute": "/tmp/x",
                        "dot": ".", "dotdot": "..", "empty": "",
                        "256": LONG}.items():
        t("mknod " + label, "MKNOD", pargfid=t.dir, bname=name,
          mode=0o100644, xdata=x_gfid(t.new_gfid()))
        t("symlink " + label, "SYMLINK", pargfid=t.dir, bname=name,
          linkname="x", xdata=x_gfid(t.new_gfid()))
        t("link " + label, "LINK", oldgfid=g, newgfid=t.dir, newbname=name)
    t("mknod .glusterfs", "MKNOD", pargfid=ROOT, bname=".glusterfs",
      mode=0o100644, xdata=x_gfid(t.new_gfid()))
    t("symlink .glusterfs", "SYMLINK", pargfid=ROOT, bname=".glusterfs",
      linkname="x", xdata=x_gfid(t.new_gfid()))
    t("link .glusterfs", "LINK", oldgfid=g, newgfid=ROOT,
      newbname=".glusterfs")
    t("mknod no gfid", "MKNOD", pargfid=t.dir, bname="q", mode=0o100644)
    t("symlink no gfid", "SYMLINK", pargfid=t.dir, bname="q", linkname="x")
    s = t.new_gfid()
    t("symlink", "SYMLINK", pargfid=t.dir, bname="s",
      linkname="a/long/target", xdata=x_gfid(s))
    t("symlink empty target", "SYMLINK", pargfid=t.dir, bname="s2",
      linkname="", xdata=x_gfid(t.new_gfid()))
    t("symlink long target", "SYMLINK", pargfid=t.dir, bname="s3",
      linkname="t" * 4095, xdata=x_gfid(t.new_gfid()))
    t("symlink too long target", "SYMLINK", pargfid=t.dir, bname="s4",
      linkname="t" * 4096, xdata=x_gfid(t.new_gfid()))
    t("readlink", "READLINK", gfid=s, size=4096)
    t("readlink short", "READLINK", gfid=s, size=5)
    t("readlink 0", "READLINK", gfid=s, size=0)
    t("readlink of a file", "READLINK", gfid=g, size=100)
    t("readlink of a directory", "READLINK", gfid=d, size=100)
    t("open a symlink", "OPEN", gfid=s, flags=0)
    t("chmod a symlink", "SETATTR", gfid=s, stbuf={"mode": 0o600},
      valid=SETATTR_MODE)
    t("chown a symlink", "SETATTR", gfid=s, stbuf={"uid": 3, "gid": 4},
      valid=SETATTR_UID | SETATTR_GID)
    t("link", "LINK", oldgfid=g, newgfid=t.dir, newbname="l1")
    t("link again", "LINK", oldgfid=g, newgfid=t.dir, newbname="l1")
    t("link elsewhere", "LINK", oldgfid=g, newgfid=d, newbname="l2")
    t("link a symlink", "LINK", oldgfid=s, newgfid=d, newbname="ls")
    t("link a directory", "LINK", oldgfid=d, newgfid=t.dir, newbname="ld")
    t("link unknown", "LINK", oldgfid=t.new_gfid(), newgfid=t.dir,
      newbname="lx")
    t("link to unknown", "LINK", oldgfid=g, newgfid=t.new_gfid(),
      newbname="lx")
    t("linked", "LOOKUP", gfid=g)
    t("internal mknod of a known gfid", "MKNOD", pargfid=d, bname="hard",
      mode=0o100644, xdata=x_gfid(g, **{
          "glusterfs-internal-fop": v_str("yes")}))
    t("hard linked", "LOOKUP", pargfid=d, bname="hard")
    t("mknod of a known gfid", "MKNOD", pargfid=d, bname="hard2",
      mode=0o100644, xdata=x_gfid(g))
    t("symlink of a known gfid", "SYMLINK", pargfid=d, bname="sym2",
      linkname="x", xdata=x_gfid(g))
    for i in range(100):
        t.client.fop("LINK", oldgfid=s, newgfid=d, newbname="many%d" % i)
    t("link past max-hardlinks", "LINK", oldgfid=s, newgfid=d,
      newbname="toomany")


def linkto(t):
    """linkto files and force-replace"""
    g = t.new_gfid()
    x = {"trusted.glusterfs.dht.linkto": v_str("v-client-1"),
         "glusterfs-internal-fop": v_str("yes")}
    t("make", "MKNOD", pargfid=t.dir, bname="f", mode=0o101000,
      xdata=x_gfid(g, **x))
    t("look", "LOOKUP", pargfid=t.dir, bname="f",
      xdata={"trusted.glusterfs.dht.linkto": v_int(256)})
    t("acl ignored", "SETXATTR", gfid=g, dict={
        "system.posix_acl_access": v_ptr(bytes.fromhex(
            "02000000" "01000600ffffffff" "04000400ffffffff"
            "20000400ffffffff"))})
    p, _ = t.make("plain")
    t("unlink-only-if-linkto on a plain file", "UNLINK", pargfid=t.dir,
      bname="plain", xdata={"unlink-only-if-dht-linkto-file": v_int(1)})
    t("dont-unlink-for-open-fd", "UNLINK", pargfid=t.dir, bname="plain",
      xdata={"dont-unlink-for-open-fd": v_int(1)})
    t("make another", "MKNOD", pargfid=t.dir, bname="f2", mode=0o101000,
      xdata=x_gfid(t.new_gfid(), **x))
    t("force-replace", "MKNOD", pargfid=t.dir, bname="f2", mode=0o100644,
      xdata=x_gfid(t.new_gfid(), **{"force-replace": v_str("yes")}))
    t("link force-replace", "LINK", oldgfid=p, newgfid=t.dir, newbname="f2",
      xdata={"force-replace": v_str("yes")})
    t("unlink-only-if-linkto", "UNLINK", pargfid=t.dir, bname="f",
      xdata={"unlink-only-if-dht-linkto-file": v_int(1)})


def unlink(t):
    """UNLINK and what stays open"""
    for n in ("a", "b", "c", "d"):
        t.make(n, b"data of " + n.encode())
    g, fd = t.make("open", b"still here")
    d = t.mkdir("dir")
    r = t.client.fop("LOOKUP", pargfid=t.dir, bname="a")
    a = r.pre["gfid"]
    t("missing", "UNLINK", pargfid=t.dir, bname="none")
    t("directory", "UNLINK", pargfid=t.dir, bname="dir")
    t("slash", "UNLINK", pargfid=t.dir, bname="dir/x")
    t("dot", "UNLINK", pargfid=t.dir, bname=".")
    t("dotdot", "UNLINK", pargfid=d, bname="..")
    t("empty", "UNLINK", pargfid=t.dir, bname="")
    t("256", "UNLINK", pargfid=t.dir, bname=LONG)
    t(".glusterfs", "UNLINK", pargfid=ROOT, bname=".glusterfs")
    t("unknown parent", "UNLINK", pargfid=t.new_gfid(), bname="a")
    t("plain", "UNLINK", pargfid=t.dir, bname="b")
    t("again", "UNLINK", pargfid=t.dir, bname="b")
    t("get-link-count", "UNLINK", pargfid=t.dir, bname="c",
      xdata={"get-link-count": v_int(1)})
    t("all keys", "UNLINK", pargfid=t.dir, bname="d", xdata={
        "get-link-count": v_int(1), "gf_request_link_count": v_int(1),
        "gf_get_file_block_count": v_int(1),
        "dht-get-iatt-in-xattr": v_int(1)})
    t.client.fop("LINK", oldgfid=a, newgfid=d, newbname="a2")
    t("one of two names", "UNLINK", pargfid=t.dir, bname="a",
      xdata={"get-link-count": v_int(1)})
    t("other name", "LOOKUP", pargfid=d, bname="a2")
    t("open", "UNLINK", pargfid=t.dir, bname="open")
    t("read", "READ", gfid=g, fd=fd, size=100)
    t("write", "WRITE", gfid=g, fd=fd, offset=5, size=5, payload=b"HERE!")
    t("fstat", "FSTAT", gfid=g, fd=fd)
    t("ftruncate", "FTRUNCATE", gfid=g, fd=fd, offset=7)
    t("fsetattr", "FSETATTR", gfid=g, fd=fd, stbuf={"mode": 0o600},
      valid=SETATTR_MODE)
    t("fsetxattr", "FSETXATTR", gfid=g, fd=fd,
      dict={"user.x": v_ptr(b"y")})
    t("fgetxattr", "FGETXATTR", gfid=g, fd=fd, namelen=1, name="user.x")
    t("anonymous read", "READ", gfid=g, fd=ANON_FD, size=100)
    t("stat by gfid", "STAT", gfid=g)
    t("lookup by gfid", "LOOKUP", gfid=g)
    t("open by gfid", "OPEN", gfid=g, flags=0)
    t("unlinked-lookup", "LOOKUP", gfid=g,
      xdata={"unlinked-lookup": v_uint(1)})
    t("truncate by gfid", "TRUNCATE", gfid=g, offset=1)
    t("setattr by gfid", "SETATTR", gfid=g, valid=0)
    t("link it back", "LINK", oldgfid=g, newgfid=t.dir, newbname="back")
    t("release", "RELEASE", gfid=g, fd=fd)
    t("released", "FSTAT", gfid=g, fd=fd)


def rename(t):
    """RENAME"""
    for n in ("a", "b", "c", "v"):
        t.make(n, n.encode())
    d1, d2, full = t.mkdir("d1"), t.mkdir("d2"), t.mkdir("full")
    t.make("in", b"", parent=full)
    sub = t.mkdir("sub", d1)
    here = dict(oldgfid=t.dir, newgfid=t.dir)
    t("file", "RENAME", oldbname="a", newbname="a2", **here)
    t("onto a file", "RENAME", oldbname="a2", newbname="b", **here)
    t("victim counted", "RENAME", oldbname="b", newbname="v",
      xdata={"get-link-count": v_int(1),
             "gf_request_link_count": v_int(1)}, **here)
    t("onto itself", "RENAME", oldbname="c", newbname="c", **here)
    t("directory onto itself", "RENAME", oldbname="d2", newbname="d2",
      **here)
    t("into a directory", "RENAME", oldgfid=t.dir, newgfid=d2,
      oldbname="c", newbname="c")
    t("missing", "RENAME", oldbname="none", newbname="x", **here)
    t("directory onto a file", "RENAME", oldbname="d1", newbname="v", **here)
    t("file onto a directory", "RENAME", oldbname="v", newbname="d1", **here)
    t("directory onto a full one", "RENAME", oldbname="d1", newbname="full",
      **here)
    t("into own subtree", "RENAME", oldgfid=t.dir, newgfid=sub,
      oldbname="d1", newbname="x")
    t("dot", "RENAME", oldbname=".", newbname="x", **here)
    t("dotdot", "RENAME", oldbname="..", newbname="x", **here)
    t("to dot", "RENAME", oldbname="v", newbname=".", **here)
    t("to dotdot", "RENAME", oldbname="v", newbname="..", **here)
    t("from slash", "RENAME", oldbname="d1/sub", newbname="x", **here)
    t("to slash", "RENAME", oldbname="v", newbname="d1/x", **here)
    t("to absolute", "RENAME", oldbname="v", newbname="/tmp/x", **here)
    t("to 256", "RENAME", oldbname="v", newbname=LONG, **here)
    t("to empty", "RENAME", oldbname="v", newbname="", **here)
    t("from .glusterfs", "RENAME", oldgfid=ROOT, newgfid=t.dir,
      oldbname=".glusterfs", newbname="x")
    t("unknown old parent", "RENAME", oldgfid=t.new_gfid(), newgfid=t.dir,
      oldbname="v", newbname="x")
    t("unknown new parent", "RENAME", oldgfid=t.dir, newgfid=t.new_gfid(),
      oldbname="v", newbname="x")
    t("directory into a directory", "RENAME", oldgfid=t.dir, newgfid=d2,
      oldbname="d1", newbname="moved")
    t("what is in it", "LOOKUP", pargfid=d1, bname="sub")
    t("its parent", "LOOKUP", pargfid=d1, bname="..")
    e = t.mkdir("empty")
    t("directory onto an empty one", "RENAME", oldgfid=d2, newgfid=t.dir,
      oldbname="moved", newbname="empty")
    t("the replaced", "LOOKUP", gfid=e)
    t("the moved", "LOOKUP", pargfid=t.dir, bname="empty")
    g, fd = t.make("hl")
    t.client.fop("LINK", oldgfid=g, newgfid=t.dir, newbname="hl2")
    t("hard link onto its twin", "RENAME", oldbname="hl", newbname="hl2",
      **here)
    t("both names stay", "LOOKUP", pargfid=t.dir, bname="hl")
    v, vfd = t.make("open victim", b"victim")
    t("onto an open file", "RENAME", oldbname="hl", newbname="open victim",
      **here)
    t("the victim reads", "READ", gfid=v, fd=vfd, size=10)
    t("the victim stats", "FSTAT", gfid=v, fd=vfd)


def data(t):
    """OPEN, READ, WRITE, TRUNCATE"""
    g, fd = t.make("f", b"0123456789" * 10)
    d = t.mkdir("d")
    for label, kw in {
            "start": {"size": 10}, "middle": {"offset": 50, "size": 10},
            "to the end": {"offset": 90, "size": 10},
            "over the end": {"offset": 95, "size": 10},
            "at the end": {"offset": 100, "size": 10},
            "past the end": {"offset": 1000, "size": 10},
            "all": {"size": 4096}, "nothing": {"size": 0},
            "offset 2^63": {"offset": 1 << 63, "size": 10},
            "offset 2^64-1": {"offset": (1 << 64) - 1, "size": 10},
            "offset 2^63-1": {"offset": (1 << 63) - 1, "size": 10},
    }.items():
        t("read " + label, "READ", gfid=g, fd=fd, **kw)
        t("read anonymous " + label, "READ", gfid=g, fd=ANON_FD, **kw)
    for label, number in {"never given": 4000, "huge": (1 << 40) + 4000,
                          "-3": -3, "min": 4000 - (1 << 63)}.items():
        for op, kw in (("READ", {"size": 1}),
                       ("WRITE", {"size": 1, "payload": b"x"}),
                       ("FLUSH", {}), ("FSYNC", {}), ("FSTAT", {}),
                       ("FTRUNCATE", {"offset": 1}), ("READDIR",
                                                      {"size": 4096}),
                       ("READDIRP", {"size": 4096}), ("RELEASE", {}),
                       ("RELEASEDIR", {}), ("FSYNCDIR", {}),
                       ("LK", {"cmd": GETLK}), ("SEEK", {}),
                       ("FALLOCATE", {"size": 1}), ("DISCARD", {"size": 1}),
                       ("ZEROFILL", {"size": 1}), ("FGETXATTR", {}),
                       ("FSETXATTR", {}), ("FREMOVEXATTR", {"name": "x"}),
                       ("RCHECKSUM", {"len": 1})):
            t("fd " + label, op, gfid=g, fd=number, **kw)
        t.ours("fd " + label, "FSETATTR", errno.EBADF, gfid=g, fd=number)
    t("write", "WRITE", gfid=g, fd=fd, offset=10, size=5, payload=b"abcde")
    t("write nothing", "WRITE", gfid=g, fd=fd, offset=10, size=0)
    t("write past the end", "WRITE", gfid=g, fd=fd, offset=5000, size=3,
      payload=b"end")
    t("write at 2^63", "WRITE", gfid=g, fd=fd, offset=1 << 63, size=3,
      payload=b"end")
    t("write at 2^63-1", "WRITE", gfid=g, fd=fd, offset=(1 << 63) - 1,
      size=3, payload=b"end")
    t("write at 2^64-1", "WRITE", gfid=g, fd=fd, offset=(1 << 64) - 1,
      size=3, payload=b"end")
    t("write anonymous", "WRITE", gfid=g, fd=ANON_FD, offset=0, size=3,
      payload=b"ano")
    t("write sync", "WRITE", gfid=g, fd=fd, offset=0, size=3,
      payload=b"syn", flag=O_SYNC)
    t("read it", "READ", gfid=g, fd=fd, size=20)
    for label, x in {"append": {"glusterfs.write-is-append": v_uint(1)},
                     "atomic": {"glusterfs.write-update-atomic": v_int(1)},
                     "fd count": {"glusterfs.open-fd-count": v_uint(1)},
                     "active": {"glusterfs.open-active-fd-count":
                                v_uint(1)}}.items():
        t("write " + label, "WRITE", gfid=g, fd=fd, offset=0, size=3,
          payload=b"new", xdata=x)
    size = t.client.fop("FSTAT", gfid=g, fd=fd).stat["size"]
    t("write append at the end", "WRITE", gfid=g, fd=fd, offset=size, size=3,
      payload=b"app", xdata={"glusterfs.write-is-append": v_uint(1)})
    t("protect", "WRITE", gfid=g, fd=fd, size=1, payload=b"p",
      xdata={"trusted.glusterfs.protect.writes": v_int(1)})
    t("avoid.overwrite", "WRITE", gfid=g, fd=fd, size=1, payload=b"p",
      xdata={"glusterfs.avoid.overwrite": v_int(1)})
    t("clean.writexattr", "LOOKUP", gfid=g,
      xdata={"glusterfs.clean.writexattr": v_int(1)})
    t("overwrite again", "WRITE", gfid=g, fd=fd, size=1, payload=b"p",
      xdata={"glusterfs.avoid.overwrite": v_int(1)})
    for off in (10, 0, 100000, 1 << 63, (1 << 64) - 1):
        t("truncate %d" % off, "TRUNCATE", gfid=g, offset=off)
        t("ftruncate %d" % off, "FTRUNCATE", gfid=g, fd=fd, offset=off)
    t("ftruncate anonymous", "FTRUNCATE", gfid=g, fd=ANON_FD, offset=42)
    t("truncate a directory", "TRUNCATE", gfid=d, offset=0)
    t("open for reading", "OPEN", gfid=g, flags=0)
    ro = t.client.fop("OPEN", gfid=g, flags=0).fd
    wo = t.client.fop("OPEN", gfid=g, flags=O_WRONLY).fd
    ap = t.client.fop("OPEN", gfid=g, flags=O_RDWR | O_APPEND).fd
    t("write on a read fd", "WRITE", gfid=g, fd=ro, size=1, payload=b"x")
    t("read on a write fd", "READ", gfid=g, fd=wo, size=1)
    t("ftruncate on a read fd", "FTRUNCATE", gfid=g, fd=ro, offset=3)
    t("append", "WRITE", gfid=g, fd=ap, offset=0, size=4, payload=b"tail")
    t("appended", "READ", gfid=g, fd=ro, offset=40, size=100)
    t("open truncating", "OPEN", gfid=g, flags=O_RDWR | O_TRUNC)
    t("truncated", "STAT", gfid=g)
    t("open creating", "OPEN", gfid=g, flags=O_RDWR | O_CREAT | O_EXCL)
    t("open a directory", "OPEN", gfid=d, flags=0)
    t("open a directory to write", "OPEN", gfid=d, flags=O_RDWR)
    t("open unknown", "OPEN", gfid=t.new_gfid(), flags=0)
    t("read unknown", "READ", gfid=t.new_gfid(), fd=ANON_FD, size=1)
    t("write unknown", "WRITE", gfid=t.new_gfid(), fd=ANON_FD, size=1,
      payload=b"x")
    t("fd with another gfid", "FSTAT", gfid=d, fd=fd)
    t("read directory anonymously", "READ", gfid=d, fd=ANON_FD, size=1)
    t("flush", "FLUSH", gfid=g, fd=fd)
    t("fsync", "FSYNC", gfid=g, fd=fd)
    t("fdatasync", "FSYNC", gfid=g, fd=fd, data=1)
    t("last-fsync", "FSYNC", gfid=g, fd=fd, xdata={"last-fsync": v_int(1)})
    t("fsync anonymous", "FSYNC", gfid=g, fd=ANON_FD)
    t("flush anonymous", "FLUSH", gfid=g, fd=ANON_FD)
    t("fstat anonymous", "FSTAT", gfid=g, fd=ANON_FD)
    t("release", "RELEASE", gfid=g, fd=ro)
    t("release again", "RELEASE", gfid=g, fd=ro)
    t("release anonymous", "RELEASE", gfid=g, fd=ANON_FD)


def space(t):
    """FALLOCATE, DISCARD, ZEROFILL, SEEK, COPY_FILE_RANGE, RCHECKSUM"""
    g, fd = t.make("f", bytes(range(256)) * 64)
    h, hfd = t.make("h", b"")
    d = t.mkdir("d")
    for label, kw in {
            "inside": {"offset": 0, "size": 4096},
            "growing": {"offset": 16384, "size": 4096},
            "nothing": {"offset": 0, "size": 0},
            "2^63": {"offset": 1 << 63, "size": 10},
            "overflow": {"offset": (1 << 63) - 5, "size": 10},
            "huge": {"offset": 0, "size": 1 << 62},
            "2^64-1": {"offset": 0, "size": (1 << 64) - 1},
    }.items():
        for flags in (0, 1):
            t("fallocate %s flags %d" % (label, flags), "FALLOCATE", gfid=g,
              fd=fd, flags=flags, **kw)
        t("discard " + label, "DISCARD", gfid=g, fd=fd, **kw)
        if label != "huge" and label != "2^64-1":
            t("zerofill " + label, "ZEROFILL", gfid=g, fd=fd, **kw)
    t("fallocate odd flags", "FALLOCATE", gfid=g, fd=fd, flags=0x7f, size=9)
    t("fallocate anonymous", "FALLOCATE", gfid=g, fd=ANON_FD, size=9)
    t("discard anonymous", "DISCARD", gfid=g, fd=ANON_FD, size=9)
    t("zerofill anonymous", "ZEROFILL", gfid=g, fd=ANON_FD, size=9)
    t.client.fop("FTRUNCATE", gfid=h, fd=hfd, offset=1 << 20)
    t.client.write(h, hfd, 65536, b"x" * 4096)
    for what in (0, 1, 2, -1):
        for off in (0, 65536, 70000, 1 << 20, 1 << 21, 1 << 63):
            t("seek %d from %d" % (what, off), "SEEK", gfid=h, fd=hfd,
              offset=off, what=what)
    t("seek anonymous", "SEEK", gfid=h, fd=ANON_FD, offset=0, what=0)
    t("copy", "COPY_FILE_RANGE", gfid1=g, gfid2=h, fd_in=fd, fd_out=hfd,
      size=4096)
    t("copy anonymous", "COPY_FILE_RANGE", gfid1=g, gfid2=h, fd_in=ANON_FD,
      fd_out=ANON_FD, off_in=100, off_out=5, size=50)
    t("copy at the end", "COPY_FILE_RANGE", gfid1=g, gfid2=h, fd_in=fd,
      fd_out=hfd, off_in=1 << 30, size=50)
    t("copy onto itself", "COPY_FILE_RANGE", gfid1=g, gfid2=g, fd_in=fd,
      fd_out=fd, off_in=0, off_out=10, size=50)
    t.ours("copy bad source", "COPY_FILE_RANGE", errno.EBADF, gfid1=g, gfid2=h, fd_in=4000,
      fd_out=hfd, size=50)
    t.ours("copy bad target", "COPY_FILE_RANGE", errno.EBADF, gfid1=g, gfid2=h, fd_in=fd,
      fd_out=4000, size=50)
    t("copy offset 2^63", "COPY_FILE_RANGE", gfid1=g, gfid2=h, fd_in=fd,
      fd_out=hfd, off_in=1 << 63, size=50)
    c, cfd = t.make("c", bytes(range(256)) * 20)
    z, zfd = t.make("z", bytes(1000))
    for label, kw in {"all": {"len": 5120}, "part": {"offset": 7, "len": 9},
                      "over the end": {"len": 100000},
                      "past the end": {"offset": 100000, "len": 10},
                      "nothing": {"len": 0},
                      "offset 2^63": {"offset": 1 << 63, "len": 10}}.items():
        t("rchecksum " + label, "RCHECKSUM", gfid=c, fd=cfd, **kw)
    t("rchecksum anonymous", "RCHECKSUM", gfid=c, fd=ANON_FD, len=100)
    t("rchecksum zeroes", "RCHECKSUM", gfid=z, fd=zfd, len=1000,
      xdata={"check-zero-filled": v_int(1)})
    t("rchecksum not zeroes", "RCHECKSUM", gfid=c, fd=cfd, len=1000,
      xdata={"check-zero-filled": v_int(1)})


def setattr_(t):
    """SETATTR, FSETATTR, ACCESS"""
    g, fd = t.make("f", b"x")
    d = t.mkdir("d")
    times = {"atime": 1000, "atime_nsec": 1, "mtime": 2000, "mtime_nsec": 2,
             "ctime": 3000, "ctime_nsec": 3}
    for label, st, valid in (
            ("mode", {"mode": 0o640}, SETATTR_MODE),
            ("mode with type", {"mode": 0o100751}, SETATTR_MODE),
            ("suid", {"mode": 0o6755}, SETATTR_MODE),
            ("owner", {"uid": 11, "gid": 22}, SETATTR_UID | SETATTR_GID),
            ("uid", {"uid": 12, "gid": 99}, SETATTR_UID),
            ("gid", {"uid": 99, "gid": 23}, SETATTR_GID),
            ("owner and suid", {"uid": 1, "mode": 0o4711},
             SETATTR_UID | SETATTR_MODE),
            ("size", {"size": 100}, SETATTR_SIZE),
            ("nothing", {"mode": 0o777}, 0),
            ("unknown bits", {"mode": 0o700}, 0x4000),
            ("uid -1", {"uid": 0xffffffff}, SETATTR_UID)):
        t(label, "SETATTR", gfid=g, stbuf=st, valid=valid)
        t(label, "FSETATTR", gfid=g, fd=fd, stbuf=st, valid=valid)
        t(label + " of a directory", "SETATTR", gfid=d, stbuf=st, valid=valid)
    t("all bits", "SETATTR", gfid=g, stbuf=dict(times, mode=0o644, uid=5,
                                                gid=6), valid=0xffffff)
    t("all 32 bits", "SETATTR", gfid=g, stbuf=dict(times, mode=0o644, uid=5,
                                                   gid=6), valid=-1)
    for label, valid in (("atime", SETATTR_ATIME), ("mtime", SETATTR_MTIME),
                         ("both", SETATTR_ATIME | SETATTR_MTIME),
                         ("now", 0x1b0)):
        r = t("times: " + label, "SETATTR", gfid=g, stbuf=times, valid=valid)
        if r and r.ok:
            t.note(label, "SETATTR", {
                k: r.post[k] for k in ("atime", "atime_nsec", "mtime",
                                       "mtime_nsec")
                if valid == 0x30 or k.startswith(label)})
    t("negative times", "SETATTR", gfid=g,
      stbuf={"atime": -5, "mtime": -6}, valid=0x30)
    t("nsec too large", "SETATTR", gfid=g,
      stbuf={"atime": 5, "atime_nsec": 2000000000, "mtime": 6}, valid=0x30)
    t("unknown", "SETATTR", gfid=t.new_gfid(), valid=1)
    t("fsetattr anonymous", "FSETATTR", gfid=g, fd=ANON_FD,
      stbuf={"mode": 0o644}, valid=1)
    t("setattr of the root", "SETATTR", gfid=ROOT, stbuf={"mode": 0o755},
      valid=1)


def ctime(t):
    """times that the client dictates"""
    def cred(flags, sec):
        return Cred(7, flags=flags, ctime=(sec, 12345))
    g = t.new_gfid()
    t("create", "CREATE", pargfid=t.dir, bname="f", flags=O_RDWR, mode=0o644,
      cred=cred(0x1f, 1000000), xdata=x_gfid(g))
    fd = t.client.fop("OPEN", gfid=g, flags=O_RDWR).fd

    def look(label):
        r = t.client.fop("LOOKUP", pargfid=t.dir, bname="f", xdata={
            "trusted.glusterfs.mdata": v_int(0)})
        if not r.ok:
            t.note(label, "LOOKUP", {"op_errno": r.op_errno})
            return
        m = (r.xdata or {}).get("trusted.glusterfs.mdata", (0, b""))[1]
        t.note(label + ": times", "LOOKUP", {
            "a": (r.pre["atime"], r.pre["atime_nsec"]),
            "m": (r.pre["mtime"], r.pre["mtime_nsec"]),
            "c": (r.pre["ctime"], r.pre["ctime_nsec"]),
            "mdata": m.hex()})
        t.note(label + ": parent's times", "LOOKUP", {
            "a": r.post["atime"] if r.post["atime"] < 1 << 30 else "now",
            "m": r.post["mtime"] if r.post["mtime"] < 1 << 30 else "now",
            "c": r.post["ctime"] if r.post["ctime"] < 1 << 30 else "now"})
    look("create")
    t("write", "WRITE", gfid=g, fd=fd, size=3, payload=b"abc",
      cred=cred(0x3, 1000010))
    look("write")
    t("older write", "WRITE", gfid=g, fd=fd, size=3, payload=b"abc",
      cred=cred(0x3, 900000))
    look("older write")
    t("read", "READ", gfid=g, fd=fd, size=3, cred=cred(0x4, 1000020))
    look("read")
    t("setxattr", "SETXATTR", gfid=g, dict={"user.a": v_ptr(b"1")},
      cred=cred(0x1, 1000030))
    look("setxattr")
    t("removexattr", "REMOVEXATTR", gfid=g, name="user.a",
      cred=cred(0x1, 1000035))
    look("removexattr")
    t("truncate", "TRUNCATE", gfid=g, offset=1, cred=cred(0x3, 1000040))
    look("truncate")
    t("ftruncate", "FTRUNCATE", gfid=g, fd=fd, offset=1,
      cred=cred(0x3, 1000045))
    look("ftruncate")
    t("fallocate", "FALLOCATE", gfid=g, fd=fd, size=10,
      cred=cred(0x6, 1000050))
    look("fallocate")
    t("chmod", "SETATTR", gfid=g, stbuf={"mode": 0o600}, valid=SETATTR_MODE,
      cred=cred(0x1, 1000060))
    look("chmod")
    t("utimes", "SETATTR", gfid=g, stbuf={
        "atime": 500, "atime_nsec": 5, "mtime": 600, "mtime_nsec": 6},
      valid=0x30, cred=cred(0x1, 1000070))
    look("utimes")
    t("utimes without flags", "SETATTR", gfid=g, stbuf={
        "atime": 700, "mtime": 800}, valid=0x30, cred=cred(0, 0))
    look("utimes without flags")
    t("utimes by fd", "FSETATTR", gfid=g, fd=fd, stbuf={
        "atime": 701, "mtime": 801, "ctime": 901}, valid=0x70,
      cred=cred(0x1, 1000075))
    look("utimes by fd")
    t("link", "LINK", oldgfid=g, newgfid=t.dir, newbname="l",
      cred=cred(0x19, 1000080))
    look("link")
    t("unlink one", "UNLINK", pargfid=t.dir, bname="l",
      cred=cred(0x19, 1000090))
    look("unlink one")
    t("rename", "RENAME", oldgfid=t.dir, newgfid=t.dir, oldbname="f",
      newbname="r", cred=cred(0x19, 1000100))
    t("rename back", "RENAME", oldgfid=t.dir, newgfid=t.dir, oldbname="r",
      newbname="f", cred=cred(0x19, 1000110))
    look("rename")
    t("copy", "COPY_FILE_RANGE", gfid1=g, gfid2=g, fd_in=fd, fd_out=fd,
      off_in=0, off_out=5, size=2, cred=cred(0x3, 1000115))
    look("copy")
    t("set-ctime-mdata", "SETXATTR", gfid=g, dict={
        "set-ctime-mdata": (MDATA, (11, 22, 33, 1, 2, 3))},
      cred=Cred(-13))
    look("set-ctime-mdata")
    t("flags alone", "FSYNC", gfid=g, fd=fd, cred=cred(0x3, 1000120))
    look("flags alone")
    n = t.new_gfid()
    t("plain create", "CREATE", pargfid=t.dir, bname="p", flags=O_RDWR,
      mode=0o644, xdata=x_gfid(n))
    t("plain has no mdata", "LOOKUP", gfid=n, xdata={
        "trusted.glusterfs.mdata": v_int(0)})
    t("mkdir", "MKDIR", pargfid=t.dir, bname="d", mode=0o755,
      cred=cred(0x1f, 1000130), xdata=x_gfid(t.new_gfid()))
    t("mkdir looked up", "LOOKUP", pargfid=t.dir, bname="d", xdata={
        "trusted.glusterfs.mdata": v_int(0)})
    t("set mdata of a plain file", "SETXATTR", gfid=n, dict={
        "set-ctime-mdata": (MDATA, (11, 22, 33, 1, 2, 3))}, cred=Cred(-13))
    r = t.client.fop("LOOKUP", gfid=n, xdata={
        "trusted.glusterfs.mdata": v_int(0)})
    t.note("plain with mdata", "LOOKUP", {
        "mdata": (r.xdata or {}).get("trusted.glusterfs.mdata", (0, b""))[1]
        .hex(), "times": (r.pre["atime"], r.pre["mtime"], r.pre["ctime"])})


def xattrs(t):
    """SETXATTR, GETXATTR, REMOVEXATTR"""
    g, fd = t.make("f", b"x")
    d = t.mkdir("d")
    s = t.new_gfid()
    t.client.fop("SYMLINK", pargfid=t.dir, bname="s", linkname="f",
                 xdata=x_gfid(s))

    def both(label, op, cred=None, **kw):
        t(label, op, gfid=g, cred=cred, **kw)
        t(label, "F" + op, gfid=g, fd=fd, cred=cred, **kw)
        t(label + ", anonymous", "F" + op, gfid=g, fd=ANON_FD, cred=cred,
          **kw)
        t(label + ", directory", op, gfid=d, cred=cred, **kw)

    for label, kw in {
            "ptr": {"dict": {"user.ptr": v_ptr(b"\1\0\2")}},
            "empty": {"dict": {"user.empty": v_ptr(b"")}},
            "str": {"dict": {"user.str": v_str("text")}},
            "str without NUL": {"dict": {"user.str2": (STR, b"text")}},
            "str with NUL inside": {"dict": {"user.str3": (STR, b"a\0b\0")}},
            "int": {"dict": {"user.int": v_int(-42)}},
            "uint": {"dict": {"user.uint": v_uint((1 << 64) - 1)}},
            "double": {"dict": {"user.double": (DOUBLE, 1.5)}},
            "gfid type": {"dict": {"user.gfid": v_gfid(ROOT)}},
            "two": {"dict": {"user.a": v_ptr(b"1"), "user.b": v_ptr(b"2")}},
            "create again": {"dict": {"user.ptr": v_ptr(b"")}, "flags": 1},
            "replace missing": {"dict": {"user.no": v_ptr(b"")}, "flags": 2},
            "replace": {"dict": {"user.ptr": v_ptr(b"new")}, "flags": 2},
            "odd flags": {"dict": {"user.ptr": v_ptr(b"x")}, "flags": 8},
            "no namespace": {"dict": {"plain": v_ptr(b"1")}},
            "unknown namespace": {"dict": {"foo.bar": v_ptr(b"1")}},
            "user dot": {"dict": {"user.": v_ptr(b"1")}},
            "empty name": {"dict": {"": v_ptr(b"1")}},
            "long name": {"dict": {"user." + "k" * 251: v_ptr(b"1")}},
            "name of 255": {"dict": {"user." + "k" * 250: v_ptr(b"1")}},
            "large value": {"dict": {"user.large": v_ptr(b"v" * 300)}},
            "too large value": {"dict": {"user.large": v_ptr(b"v" * 70000)}},
            "trusted": {"dict": {"trusted.foo": v_ptr(b"1")}},
            "security": {"dict": {"security.foo": v_ptr(b"1")}},
            "system": {"dict": {"system.foo": v_ptr(b"1")}},
            "empty dict": {"dict": {}},
            "null dict": {"dict": None},
            "trusted.gfid": {"dict": {"trusted.gfid": v_ptr(ROOT)}},
            "volume-id": {"dict": {"trusted.glusterfs.volume-id":
                                   v_ptr(ROOT)}},
            "gfid2path": {"dict": {"trusted.gfid2path.x": v_ptr(b"x")}},
            "pathinfo": {"dict": {"trusted.glusterfs.pathinfo":
                                  v_ptr(b"x")}},
            "pathinfo short": {"dict": {"glusterfs.pathinfo": v_ptr(b"x")}},
            "internal-ctx": {"dict": {"glusterfs.internal-ctx":
                                      v_ptr(bytes(32))}},
            "force-replace": {"dict": {"force-replace": v_str("yes")}},
            "selinux": {"dict": {"security.selinux": v_ptr(b"label\0")}},
            "capability": {"dict": {"security.capability": v_ptr(
                bytes.fromhex("0100000200040000000000000000000000000000"))}},
            "capability, bad": {"dict": {"security.capability":
                                         v_ptr(b"x")}},
            "durable-op": {"dict": {"trusted.glusterfs.durable-op":
                                    v_ptr(b"x")}},
            "bit-rot version": {"dict": {"trusted.bit-rot.version":
                                         v_ptr(b"x")}},
            "bit-rot signature": {"dict": {"trusted.bit-rot.signature":
                                           v_ptr(b"x")}},
            "bad-file": {"dict": {"trusted.bit-rot.bad-file": v_ptr(b"x")}},
            "afr": {"dict": {"trusted.afr.x": v_ptr(bytes(12))}},
            "dht": {"dict": {"trusted.glusterfs.dht": v_ptr(bytes(16))}},
            "pgfid": {"dict": {"trusted.pgfid.x": v_ptr(bytes(4))}},
            "quota": {"dict": {"trusted.glusterfs.quota.limit-set":
                               v_ptr(bytes(16))}},
            "get_real_filename": {"dict": {
                "glusterfs.get_real_filename:x": v_ptr(b"x")}},
            "file key": {"dict": {"glusterfs.file.x": v_ptr(b"x")}},
            "ask iatt": {"dict": {"user.q": v_ptr(b"1")},
                         "xdata": {"dht-get-iatt-in-xattr": v_int(1)}},
            "null xdata": {"dict": {"user.q": v_ptr(b"1")}, "xdata": None},
            "lockinfo": {"dict": {"trusted.glusterfs.lockinfo":
                                  v_ptr(b"x")}},
            "durable int": {"dict": {"trusted.glusterfs.mdata":
                                     v_ptr(b"short")}},
    }.items():
        both("set " + label, "SETXATTR", **kw)
    names = ["user.ptr", "user.empty", "user.str", "user.str2", "user.str3",
             "user.int", "user.uint", "user.double", "user.gfid", "user.none",
             "user.large", "plain", "foo.bar", "system.foo", "trusted.foo",
             "trusted.gfid", "trusted.glusterfs.volume-id",
             "trusted.gfid2path.0000000000000000", "trusted.glusterfs.mdata",
             "security.selinux", "trusted.glusterfs.selinux",
             "trusted.glusterfs.list-node-uuids",
             "glusterfs.gfid", "glusterfs.gfid.string", "glusterfs.gfid2path",
             "glusterfs.gfidtopath", "glusterfs.ancestry.path",
             "glusterfs.open-fd-count", "glusterfs.get_real_filename:F",
             "glusterfs.get_real_filename:none", "glusterfs.posix.acl",
             "glusterfs.posix.default_acl", "trusted.glusterfs.get-signature",
             "trusted.glusterfs.node-uuid",
             "trusted.pgfid.x", "trusted.glusterfs.quota.limit-set",
             "trusted.bit-rot.version", "trusted.bit-rot.signature",
             "system.posix_acl_access", "system.posix_acl_default",
             "trusted.glusterfs.x.stime", "trusted.glusterfs.x.xtime",
             "trusted.glusterfs.volume-mark", "k" * 300,
             "user." + "k" * 251]
    for n in names:
        both("get " + n[:60], "GETXATTR", namelen=1, name=n)
        both("get as geo-rep " + n[:60], "GETXATTR", namelen=1, name=n,
             cred=Cred(-1))
    t("get real name", "GETXATTR", gfid=t.dir, namelen=1,
      name="glusterfs.get_real_filename:F")
    t("get real name of none", "GETXATTR", gfid=t.dir, namelen=1,
      name="glusterfs.get_real_filename:zzz")
    both("list", "GETXATTR", namelen=0, name="")
    both("list, xdata", "GETXATTR", namelen=0, name="", xdata={})
    both("list, null xdata", "GETXATTR", namelen=0, name="", xdata=None)
    both("list as geo-rep", "GETXATTR", namelen=0, name="", cred=Cred(-1))
    both("empty name, namelen 1", "GETXATTR", namelen=1, name="")
    for n in ("user.ptr", "user.none", "plain", "foo.bar", "trusted.gfid",
              "trusted.glusterfs.volume-id", "trusted.gfid2path.x",
              "trusted.bit-rot.version", "security.selinux",
              "system.posix_acl_access", "glusterfs.posix.acl", "",
              "user." + "k" * 251, "trusted.glusterfs.mdata"):
        both("remove " + n[:40], "REMOVEXATTR", name=n)
    both("remove many", "REMOVEXATTR", name="", xdata={
        "user.a": v_ptr(b""), "user.b": v_ptr(b""), "user.zz": v_ptr(b"")})
    both("remove many with gfid", "REMOVEXATTR", name="", xdata={
        "user.int": v_ptr(b""), "trusted.gfid": v_ptr(b"")})
    both("remove many, null xdata", "REMOVEXATTR", name="", xdata=None)
    both("list after", "GETXATTR", namelen=0, name="")
    t("set on a symlink", "SETXATTR", gfid=s, dict={"user.a": v_ptr(b"1")})
    t("set trusted on a symlink", "SETXATTR", gfid=s,
      dict={"trusted.a": v_ptr(b"1")})
    t("get on a symlink", "GETXATTR", gfid=s, namelen=1, name="trusted.a")
    t("list a symlink", "GETXATTR", gfid=s)
    t("sync_backend_xattrs", "SETXATTR", gfid=d,
      dict={"user.synced": v_ptr(b"1")},
      xdata={"sync_backend_xattrs": v_int(1)})
    t("synced", "GETXATTR", gfid=d)
    for n in ("trusted.glusterfs.pathinfo", "glusterfs.pathinfo"):
        both("get " + n, "GETXATTR", namelen=1, name=n)
    t("unknown gfid, set", "SETXATTR", gfid=t.new_gfid(),
      dict={"user.a": v_ptr(b"")})
    t("unknown gfid, get", "GETXATTR", gfid=t.new_gfid(), namelen=1,
      name="user.a")
    t("unknown gfid, remove", "REMOVEXATTR", gfid=t.new_gfid(),
      name="user.a")


ACL = "02000000" "01000700ffffffff" "02000600e9030000" "04000500ffffffff" \
      "10000700ffffffff" "20000000ffffffff"


def acl(t):
    """ACLs"""
    g, fd = t.make("f", b"x")
    d = t.mkdir("d")
    raw = v_ptr(bytes.fromhex(ACL))
    for key in ("system.posix_acl_access", "system.posix_acl_default"):
        for gfid, what in ((g, "file"), (d, "directory")):
            t("set %s of a %s" % (key, what), "SETXATTR", gfid=gfid,
              dict={key: raw})
            t("get %s of a %s" % (key, what), "GETXATTR", gfid=gfid,
              namelen=1, name=key)
            t("set a bad %s of a %s" % (key, what), "SETXATTR", gfid=gfid,
              dict={key: v_ptr(b"nonsense")})
    t("fset", "FSETXATTR", gfid=g, fd=fd,
      dict={"system.posix_acl_access": raw})
    t("text", "GETXATTR", gfid=g, namelen=1, name="glusterfs.posix.acl")
    t("default text", "GETXATTR", gfid=d, namelen=1,
      name="glusterfs.posix.default_acl")
    t("set text", "SETXATTR", gfid=g, dict={"glusterfs.posix.acl": v_str(
        "u::rw-,u:1002:r--,g::r--,m::r--,o::---")})
    t("set bad text", "SETXATTR", gfid=g,
      dict={"glusterfs.posix.acl": v_str("rubbish")})
    t("text again", "GETXATTR", gfid=g, namelen=1, name="glusterfs.posix.acl")
    t("mode", "STAT", gfid=g)
    user = Cred(5, 1001, 1001)
    c = t.new_gfid()
    t("inherit: create", "CREATE", pargfid=d, bname="c", flags=O_RDWR,
      mode=0o666, umask=0o022, xdata=x_gfid(c))
    t("inherited", "LOOKUP", pargfid=d, bname="c", xdata={
        "system.posix_acl_access": v_int(0),
        "system.posix_acl_default": v_int(0)})
    t("inherit: mkdir", "MKDIR", pargfid=d, bname="m", mode=0o777,
      umask=0o022, xdata=x_gfid(t.new_gfid()))
    t("inherited by mkdir", "LOOKUP", pargfid=d, bname="m", xdata={
        "system.posix_acl_access": v_int(0),
        "system.posix_acl_default": v_int(0)})
    t("inherit: mknod", "MKNOD", pargfid=d, bname="n", mode=0o100666,
      xdata=x_gfid(t.new_gfid()))
    t("inherit: symlink", "SYMLINK", pargfid=d, bname="s", linkname="t",
      xdata=x_gfid(t.new_gfid()))
    t("inherit: both given", "CREATE", pargfid=d, bname="c2", flags=O_RDWR,
      mode=0o666, xdata=x_gfid(t.new_gfid(), **{
          "system.posix_acl_access": raw}))
    t("user by ACL reads", "OPEN", gfid=c, flags=0, cred=user)
    t("user by ACL writes", "OPEN", gfid=c, flags=O_RDWR, cred=user)
    t("stranger", "OPEN", gfid=c, flags=0, cred=Cred(5, 4444, 4444))
    t("remove", "REMOVEXATTR", gfid=d, name="system.posix_acl_default")
    t("removed", "GETXATTR", gfid=d, namelen=1,
      name="system.posix_acl_default")


def permissions(t):
    """what users may do"""
    owner, group = Cred(5, 1001, 1001), Cred(5, 2002, 2002, [1001])
    other, root = Cred(5, 3003, 3003), Cred(5)
    internal = Cred(-6, 3003, 3003)
    users = {"owner": owner, "group": group, "other": other, "root": root,
             "internal": internal}
    number = 0
    for mode in (0o700, 0o070, 0o007, 0o555, 0o333, 0o1777):
        d = t.mkdir("d%o" % mode)
        t.client.fop("SETATTR", gfid=d, stbuf={
            "mode": mode, "uid": 1001, "gid": 1001}, valid=7)
        f, fd = t.make("f", b"x", parent=d)
        t.client.fop("SETATTR", gfid=f, stbuf={
            "mode": mode & 0o777, "uid": 1001, "gid": 1001}, valid=7)
        for who, cred in users.items():
            number += 1
            w = "%s, %o: " % (who, mode)
            n = "n%d" % number
            for mask in range(0, 8):
                t(w + "access %d" % mask, "ACCESS", gfid=f, mask=mask,
                  cred=cred)
            t(w + "lookup", "LOOKUP", pargfid=d, bname="f", cred=cred)
            t(w + "lookup by gfid", "LOOKUP", gfid=f, cred=cred)
            t(w + "stat", "STAT", gfid=f, cred=cred)
            t(w + "open r", "OPEN", gfid=f, flags=0, cred=cred)
            t(w + "open w", "OPEN", gfid=f, flags=O_WRONLY, cred=cred)
            t(w + "open rw", "OPEN", gfid=f, flags=O_RDWR, cred=cred)
            t(w + "open trunc", "OPEN", gfid=f, flags=O_TRUNC, cred=cred)
            t(w + "open append", "OPEN", gfid=f, flags=O_APPEND, cred=cred)
            t(w + "open exec", "OPEN", gfid=f, flags=0o40, cred=cred)
            t(w + "opendir", "OPENDIR", gfid=d, cred=cred)
            t(w + "create", "CREATE", pargfid=d, bname=n, flags=O_RDWR,
              mode=0o644, cred=cred, xdata=x_gfid(t.new_gfid()))
            t(w + "mkdir", "MKDIR", pargfid=d, bname=n + "d", mode=0o755,
              cred=cred, xdata=x_gfid(t.new_gfid()))
            t(w + "mknod", "MKNOD", pargfid=d, bname=n + "n", mode=0o010644,
              cred=cred, xdata=x_gfid(t.new_gfid()))
            t(w + "mknod device", "MKNOD", pargfid=d, bname=n + "b",
              mode=0o060644, dev=0x801, cred=cred, xdata=x_gfid(
                  t.new_gfid()))
            t(w + "symlink", "SYMLINK", pargfid=d, bname=n + "s",
              linkname="t", cred=cred, xdata=x_gfid(t.new_gfid()))
            t(w + "link", "LINK", oldgfid=f, newgfid=d, newbname=n + "l",
              cred=cred)
            t(w + "rename", "RENAME", oldgfid=d, newgfid=d, oldbname="f",
              newbname="f", cred=cred)
            t(w + "truncate", "TRUNCATE", gfid=f, offset=0, cred=cred)
            t(w + "chmod", "SETATTR", gfid=f, stbuf={"mode": mode & 0o777},
              valid=1, cred=cred)
            t(w + "chown", "SETATTR", gfid=f, stbuf={"uid": 1001}, valid=2,
              cred=cred)
            t(w + "chgrp", "SETATTR", gfid=f, stbuf={"gid": 1001}, valid=4,
              cred=cred)
            t(w + "utimes", "SETATTR", gfid=f, stbuf={"atime": 1,
                                                      "mtime": 2},
              valid=0x30, cred=cred)
            t(w + "fsetattr", "FSETATTR", gfid=f, fd=fd,
              stbuf={"mode": mode & 0o777}, valid=1, cred=cred)
            t(w + "setxattr", "SETXATTR", gfid=f,
              dict={"user.x": v_ptr(b"1")}, cred=cred)
            t(w + "set acl", "SETXATTR", gfid=f, dict={
                "system.posix_acl_access": v_ptr(bytes.fromhex(
                    "02000000" + "0100%02x00ffffffff" % (mode >> 6 & 7) +
                    "0400%02x00ffffffff" % (mode >> 3 & 7) +
                    "2000%02x00ffffffff" % (mode & 7)))}, cred=cred)
            t(w + "getxattr", "GETXATTR", gfid=f, namelen=1, name="user.x",
              cred=cred)
            t(w + "listxattr", "GETXATTR", gfid=f, cred=cred)
            t(w + "removexattr", "REMOVEXATTR", gfid=f, name="user.x",
              cred=cred)
            t(w + "write on an fd", "WRITE", gfid=f, fd=fd, size=1,
              payload=b"x", cred=cred)
            t(w + "read anonymously", "READ", gfid=f, fd=ANON_FD, size=1,
              cred=cred)
            t(w + "unlink", "UNLINK", pargfid=d, bname=n, cred=cred)
            t(w + "rmdir", "RMDIR", pargfid=d, bname=n + "d", cred=cred)
            t(w + "unlink other's", "UNLINK", pargfid=d, bname=n + "s",
              cred=cred)


def readdir(t):
    """READDIR and READDIRP"""
    d = t.mkdir("d")
    g, _ = t.make("f", b"hello", parent=d)
    t.mkdir("sub", d)
    for i in range(40):
        t.make("file%02d" % i, b"", parent=d)
    t.client.fop("SYMLINK", pargfid=d, bname="s", linkname="f",
                 xdata=x_gfid(t.new_gfid()))
    t.client.fop("SETXATTR", gfid=g, dict={"user.a": v_ptr(b"1")})
    r = t("opendir", "OPENDIR", gfid=d)
    if not r or not r.ok:
        return
    fd = r.fd
    ask = {"user.a": v_int(0), "system.posix_acl_access": v_int(0)}
    for op in ("READDIR", "READDIRP"):
        t("all", op, gfid=d, fd=fd, size=65536)
        t("again from 0", op, gfid=d, fd=fd, size=65536)
        t("null xdata", op, gfid=d, fd=fd, size=65536, xdata=None)
        t("with xattrs", op, gfid=d, fd=fd, size=65536, xdata=ask)
        t("anonymous", op, gfid=d, fd=ANON_FD, size=65536)
        t("too small", op, gfid=d, fd=fd, size=10)
        t("size 0", op, gfid=d, fd=fd, size=0)
        seen, off, steps, last = [], 0, 0, None
        while steps < 100:
            r = t.client.fop(op, gfid=d, fd=fd, offset=off, size=1024)
            steps += 1
            last = (r.op_ret, r.op_errno)
            if r.op_ret <= 0:
                break
            seen += [e["name"] for e in r.entries]
            off = r.entries[-1]["off"]
        t.note("in pieces", op, {"names": sorted(seen), "last": last,
                                 "more than one": steps > 3})
        t("past the end", op, gfid=d, fd=fd, offset=off, size=65536)
        t("at the end cookie", op, gfid=d, fd=fd,
          offset=0x7fffffffffffffff, size=65536)
        t("fd of a file", op, gfid=g,
          fd=t.client.fop("OPEN", gfid=g, flags=0).fd, size=4096)
        t("list-xattr", op, gfid=d, fd=fd, size=65536,
          xdata={"list-xattr": v_int(1)})
        t("content", op, gfid=d, fd=fd, size=65536,
          xdata={"glusterfs.content": v_uint(100)})
        t("files only", op, gfid=d, fd=fd, size=65536,
          xdata={"readdir-filter-directories": v_int(1)})
        t("ancestry", op, gfid=d, fd=fd, size=65536,
          xdata={"glusterfs.ancestry.dentry": v_int(1)})
    t("opendir of a file", "OPENDIR", gfid=g)
    t("opendir of nothing", "OPENDIR", gfid=t.new_gfid())
    t("fsyncdir", "FSYNCDIR", gfid=d, fd=fd)
    t("fsyncdir data", "FSYNCDIR", gfid=d, fd=fd, data=1)
    t("fstat of it", "FSTAT", gfid=d, fd=fd)
    t("read it as a file", "READ", gfid=d, fd=fd, size=100)
    t("releasedir", "RELEASEDIR", gfid=d, fd=fd)
    t("released", "READDIR", gfid=d, fd=fd, size=4096)
    root = t.client.fop("OPENDIR", gfid=ROOT).fd
    r = t.client.fop("READDIR", gfid=ROOT, fd=root, size=65536)
    t.note("root", "READDIR", {"hidden": sorted(
        e["name"] for e in r.entries if e["name"].startswith(b"."))})
    r = t.client.fop("READDIRP", gfid=ROOT, fd=root, size=65536)
    t.note("root", "READDIRP", {"dots": [
        (e["name"], e["ino"], gfid_text(e["stat"]["gfid"]))
        for e in sorted(r.entries, key=lambda e: e["name"])
        if e["name"].startswith(b".")]})


def until_locks(t, gfid, count):
    """Waits until the brick counts that many locks, waiting ones too."""
    def enough():
        r = t.client.fop("LOOKUP", gfid=gfid,
                         xdata={"glusterfs.posixlk-count": v_int(0)})
        return r.xdata["glusterfs.posixlk-count"] == v_int(count)
    wait_until("%d locks" % count, enough)


def locks(t):
    """LK"""
    g, fd = t.make("f", b"x" * 100)
    a, b = Cred(1, owner=b"owner-aa"), Cred(2, owner=b"owner-bb")

    def lk(label, cmd, kind, start, length, cred, **kw):
        t(label, "LK", gfid=g, fd=fd, cmd=cmd, type=kind, cred=cred,
          flock={"type": kind, "start": start, "len": length,
                 "pid": cred.pid}, **kw)
    lk("get free", GETLK, WRLCK, 0, 0, a)
    lk("read lock", SETLK, RDLCK, 0, 10, a)
    lk("shared", SETLK, RDLCK, 5, 10, b)
    lk("conflict", SETLK, WRLCK, 0, 5, b)
    lk("get conflict", GETLK, WRLCK, 0, 5, b)
    lk("get, xdata", GETLK, WRLCK, 0, 5, b, xdata={"who": v_int(1)})
    lk("get free, xdata", GETLK, WRLCK, 90, 5, b, xdata={"who": v_int(1)})
    lk("refused, xdata", SETLK, WRLCK, 0, 5, b, xdata={"who": v_int(1)})
    lk("upgrade refused", SETLK, WRLCK, 0, 10, a)
    lk("other's part unlocked", SETLK, UNLCK, 5, 10, b)
    lk("upgrade", SETLK, WRLCK, 0, 10, a)
    lk("get write", GETLK, RDLCK, 3, 1, b)
    lk("split", SETLK, UNLCK, 4, 2, a)
    lk("hole", SETLK, WRLCK, 4, 2, b)
    lk("get around", GETLK, WRLCK, 0, 0, b)
    lk("whole file, refused", SETLK, WRLCK, 0, 0, b)
    lk("unlock all", SETLK, UNLCK, 0, 0, a)
    lk("unlock what is not held", SETLK, UNLCK, 50, 5, a)
    lk("waiting, free", SETLKW, WRLCK, 60, 5, a)
    lk("bad command", 99, WRLCK, 0, 1, a)
    t.ours("bad type", "LK", errno.EINVAL, gfid=g, fd=fd, cmd=SETLK, type=9,
           cred=a, flock={"len": 1})
    lk("start 2^63", SETLK, WRLCK, 1 << 63, 1, a)
    lk("length past the end", SETLK, WRLCK, (1 << 63) - 2, 100, a)
    lk("length 2^63", SETLK, WRLCK, 5, 1 << 63, a)
    t.ours("negative length", "LK", errno.EINVAL, gfid=g, fd=fd, cmd=SETLK,
           type=WRLCK, cred=a, flock={"start": 4, "len": (1 << 64) - 5})
    t("seek_end", "LK", gfid=g, fd=fd, cmd=SETLK, type=WRLCK, cred=a,
      flock={"whence": 2, "start": 0, "len": 1})
    t("whence 7", "LK", gfid=g, fd=fd, cmd=SETLK, type=WRLCK, cred=a,
      flock={"whence": 7, "start": 0, "len": 1})
    ro = t.client.fop("OPEN", gfid=g, flags=0).fd
    t("write lock on a read fd", "LK", gfid=g, fd=ro, cmd=SETLK, type=WRLCK,
      cred=a, flock={"start": 80, "len": 1})
    wo = t.client.fop("OPEN", gfid=g, flags=O_WRONLY).fd
    t("read lock on a write fd", "LK", gfid=g, fd=wo, cmd=SETLK, type=RDLCK,
      cred=a, flock={"start": 81, "len": 1})
    t("anonymous", "LK", gfid=g, fd=ANON_FD, cmd=SETLK, type=RDLCK,
      cred=a, flock={"start": 90, "len": 1})
    g, fd = t.make("g", b"x" * 100)
    other = t.connect()
    ofd = other.fop("OPEN", gfid=g, flags=O_RDWR).fd
    lk("held by the first", SETLK, WRLCK, 0, 10, a)
    t("same owner, other client", "LK", client=other, gfid=g, fd=ofd,
      cmd=SETLK, type=WRLCK, cred=a, flock={"start": 0, "len": 10})
    waiting = other.send_fop("LK", gfid=g, fd=ofd, cmd=SETLKW, type=WRLCK,
                             cred=b, flock={"start": 0, "len": 10},
                             xdata={"who": v_int(1)})
    until_locks(t, g, 2)
    lk("first unlocks", SETLK, UNLCK, 0, 10, a)
    r = other.wait_fop("LK", waiting)
    t.note("waiter granted", "LK", {"op_ret": r.op_ret, "flock": r.flock,
                                    "xdata": r.xdata})
    t("flush releases", "FLUSH", gfid=g, fd=ofd, client=other, cred=b)
    lk("free after flush", SETLK, WRLCK, 0, 10, a)
    waiting = other.send_fop("LK", gfid=g, fd=ofd, cmd=SETLKW, type=WRLCK,
                             cred=b, flock={"start": 0, "len": 10})
    until_locks(t, g, 2)
    t.client.close()
    r = other.wait_fop("LK", waiting)
    t.note("disconnect releases", "LK", {"op_ret": r.op_ret})


COUNTS = {"glusterfs.inodelk-count": v_uint(0),
          "glusterfs.entrylk-count": v_uint(0),
          "glusterfs.posixlk-count": v_uint(0),
          "glusterfs.parent-entrylk": v_uint(0),
          "glusterfs.multi-dom-lk-cnt-req": v_uint(1),
          "glusterfs.inodelk-dom-prefix:dom": v_uint(1),
          "glusterfs.inodelk-dom-prefix:other": v_uint(1)}


def until_counted(t, gfid, key, count):
    """Waits until the brick counts that many, waiting ones too."""
    def enough():
        r = t.client.fop("LOOKUP", gfid=gfid, xdata={key: v_uint(0)})
        return r.xdata[key] == v_int(count)
    wait_until("%d of %s" % (count, key), enough)


def callbacks(t, label, client, count=0):
    """What the brick has told this client unasked: so many messages."""
    def told():
        client.ping()
        return len(client.callbacks) >= count
    wait_until("%d callbacks" % count, told)
    for r in client.callbacks:
        _, program, version, proc = r.unpack("IIII")
        for _ in "credential", "verifier":
            r.u32()
            r.opaque()
        t.note(label, "callback %d" % proc, {
            "program": (program, version), "body": r.rest().replace(
                t.dir[:4], b"case").hex()})
    client.callbacks.clear()


def inodelk(t):
    """INODELK and FINODELK"""
    g, fd = t.make("f", b"x")
    a, b, c = (Cred(i, owner=o) for i, o in
               ((11, b"owner-aa"), (12, b"owner-bb"), (13, b"owner-cc")))

    def lk(label, kind, start, length, cred, cmd=SETLK, volume="dom", **kw):
        t(label, "INODELK", gfid=g, cmd=cmd, type=kind, cred=cred,
          volume=volume, flock={"type": kind, "start": start, "len": length},
          **kw)

    def look(label):
        t(label, "LOOKUP", pargfid=t.dir, bname="f", xdata=COUNTS)
        t(label, "LOOKUP", gfid=g, xdata=COUNTS)
        t(label, "FSTAT", gfid=g, fd=fd, xdata=COUNTS)
        t(label + ", volume", "FSTAT", gfid=g, fd=fd,
          xdata={"glusterfs.inodelk-dom-count": v_str("dom")})
    lk("read", RDLCK, 0, 10, a)
    lk("shared", RDLCK, 5, 10, b)
    lk("write refused", WRLCK, 0, 0, b)
    lk("write refused, xdata", WRLCK, 0, 0, b, xdata={"who": v_int(1)})
    lk("other volume", WRLCK, 0, 0, b, volume="other")
    lk("no volume", WRLCK, 0, 0, b, volume="")
    look("counts")
    lk("same owner, again", RDLCK, 0, 10, a)
    lk("same owner, write under its own", WRLCK, 0, 3, a)
    lk("shared with it, refused", RDLCK, 0, 10, c)
    lk("unlock by other bounds", UNLCK, 0, 9, a)
    lk("unlock by another", UNLCK, 0, 10, c)
    lk("unlock in another volume", UNLCK, 0, 10, a, volume="other")
    lk("unlock", UNLCK, 0, 10, a)
    lk("unlock the second", UNLCK, 0, 10, a)
    lk("unlock what is gone", UNLCK, 0, 10, a)
    lk("unlock the third", UNLCK, 0, 3, a)
    look("counts later")
    lk("get", WRLCK, 50, 1, a, cmd=GETLK)
    lk("bad command", WRLCK, 50, 1, a, cmd=7)
    lk("negative start", WRLCK, 1 << 63, 1, a)
    lk("negative length", WRLCK, 50, (1 << 64) - 5, a)
    lk("length past the end", WRLCK, 50, (1 << 63) - 1, a)
    lk("up to the end", WRLCK, 50, (1 << 63) - 51, a)
    lk("and unlocked", UNLCK, 50, (1 << 63) - 51, a)
    lk("metadata", WRLCK, (1 << 63) - 2, 0, a)
    lk("metadata, refused", WRLCK, (1 << 63) - 2, 0, c)
    lk("whole file beside it", WRLCK, 100, 0, a)
    lk("metadata in its own volume, refused", WRLCK, (1 << 63) - 2, 0, c,
       volume="dom:metadata")
    lk("metadata unlocked", UNLCK, (1 << 63) - 2, 0, a, volume="dom:metadata")
    lk("whole file unlocked", UNLCK, 100, 0, a)
    lk("setlkw, free", WRLCK, 1000, 1, a, cmd=SETLKW)
    lk("unlocked with setlkw", UNLCK, 1000, 1, a, cmd=SETLKW)
    lk("no owner", WRLCK, 2000, 1, Cred(14, owner=b""))
    lk("null owner", WRLCK, 2000, 1, Cred(14, owner=bytes(8)))
    t("by fd", "FINODELK", gfid=g, fd=fd, cmd=SETLK, type=WRLCK, cred=a,
      flock={"start": 3000, "len": 1}, volume="dom")
    t("by anonymous fd", "FINODELK", gfid=g, fd=ANON_FD, cmd=SETLK,
      type=WRLCK, cred=a, flock={"start": 4000, "len": 1}, volume="dom")
    t("bad fd", "FINODELK", gfid=g, fd=77, cmd=SETLK, type=WRLCK, cred=a,
      volume="dom")
    t("fd released", "RELEASE", gfid=g, fd=fd)
    lk("does not unlock", WRLCK, 3000, 1, b)
    t("unknown", "INODELK", gfid=t.new_gfid(), cmd=SETLK, type=WRLCK,
      volume="dom", cred=a)
    t("null gfid", "INODELK", cmd=SETLK, type=WRLCK, volume="dom", cred=a)
    t("directory", "INODELK", gfid=t.dir, cmd=SETLK, type=WRLCK,
      volume="dom", cred=a)
    t("directory again", "INODELK", gfid=t.dir, cmd=SETLK, type=WRLCK,
      volume="dom", cred=b)


def inodelk_waiting(t):
    """INODELK that waits"""
    g, fd = t.make("f", b"x")
    key = "glusterfs.inodelk-count"
    a, b, c, d = (Cred(i, owner=b"owner-" + bytes([i])) for i in range(21, 25))
    other = t.connect()

    def args(kind, start, length, cred, cmd=SETLK):
        return dict(gfid=g, cmd=cmd, type=kind, cred=cred, volume="dom",
                    flock={"type": kind, "start": start, "len": length})
    t("held", "INODELK", **args(WRLCK, 0, 10, a))
    x = other.send_fop("INODELK", **args(WRLCK, 0, 5, b, SETLKW))
    until_counted(t, g, key, 2)
    callbacks(t, "told", t.client, 1)
    y = other.send_fop("INODELK", **args(RDLCK, 5, 10, c, SETLKW))
    until_counted(t, g, key, 3)
    callbacks(t, "told once", t.client)
    t("behind one that waits", "INODELK", client=other,
      **args(RDLCK, 12, 1, d))
    t("who waits there", "INODELK", client=other, **args(WRLCK, 11, 1, b))
    t("holder, behind", "INODELK", **args(WRLCK, 12, 1, a))
    t("not behind", "INODELK", client=other, **args(WRLCK, 100, 1, d))
    t("unlock", "INODELK", **args(UNLCK, 0, 10, a))
    r = other.wait_fop("INODELK", x)
    t.note("first granted", "INODELK", {"ret": r.op_ret, "xdata": r.xdata})
    t("unlock the rest", "INODELK", **args(UNLCK, 12, 1, a))
    t("unlock that as well", "INODELK", client=other, **args(UNLCK, 11, 1, b))
    r = other.wait_fop("INODELK", y)
    t.note("second granted", "INODELK", {"ret": r.op_ret})
    third = t.connect()
    z = third.send_fop("INODELK", **args(WRLCK, 0, 0, d, SETLKW))
    until_counted(t, g, key, 5)
    callbacks(t, "all told", other, 5)
    other.close()
    r = third.wait_fop("INODELK", z)
    t.note("disconnect releases", "INODELK", {"ret": r.op_ret})
    t("refused", "INODELK", **args(WRLCK, 3, 1, a))


def entrylk(t):
    """ENTRYLK and FENTRYLK"""
    d = t.mkdir("d")
    g, _ = t.make("f", b"x", parent=d)
    fd = t.client.fop("OPENDIR", gfid=d).fd
    a, b = Cred(31, owner=b"owner-aa"), Cred(32, owner=b"owner-bb")
    lock, unlock, lock_nb = 0, 1, 2

    def lk(label, cmd, kind, name, cred, volume="dom", namelen=None, **kw):
        t(label, "ENTRYLK", gfid=d, cmd=cmd, type=kind, cred=cred,
          namelen=(name is not None) if namelen is None else namelen,
          name=name or "", volume=volume, **kw)
    lk("lock", lock_nb, 1, "f", a)
    lk("refused", lock_nb, 1, "f", b)
    lk("read, refused", lock_nb, 0, "f", b)
    lk("another name", lock_nb, 0, "g", b)
    lk("read meets read", lock_nb, 0, "g", a)
    lk("all names, refused", lock_nb, 1, None, a)
    lk("other volume", lock_nb, 1, None, b, volume="other")
    lk("same owner again", lock_nb, 1, "f", a)
    lk("empty name", lock_nb, 1, "", a, volume="empty")
    lk("empty name against all", lock_nb, 1, None, b, volume="empty")
    lk("unnamed, with name", lock_nb, 1, "zz", a, volume="odd", namelen=0)
    lk("against its name", lock_nb, 1, "yy", b, volume="odd")
    t("counts", "LOOKUP", pargfid=d, bname="f", xdata=COUNTS)
    t("counts, no entry", "LOOKUP", pargfid=d, bname="g", xdata=COUNTS)
    t("counts of the directory", "LOOKUP", gfid=d, xdata=COUNTS)
    t("counts of its fd", "FSTAT", gfid=d, fd=fd, xdata=COUNTS)
    t("counts of entries", "READDIRP", gfid=d, fd=fd, size=8192, xdata=COUNTS)
    t("counts of a maker", "MKNOD", pargfid=d, bname="n", mode=0o100644,
      xdata=x_gfid(t.new_gfid(), **COUNTS))
    lk("unlock, wrong type", unlock, 0, "f", a)
    lk("unlock, not its", unlock, 1, "f", b)
    lk("unlock, all names", unlock, 1, None, a)
    lk("unlock", unlock, 1, "f", a)
    lk("unlock again", unlock, 1, "f", a)
    lk("unlock what is gone", unlock, 1, "f", a)
    lk("all names, refused by one", lock_nb, 1, None, a)
    lk("unlock the other name", unlock, 0, "g", b)
    lk("all names", lock_nb, 1, None, a)
    lk("blocking, its own", lock, 1, "x", a)
    lk("refused by all", lock_nb, 1, "y", b)
    lk("no owner", lock_nb, 1, "q", Cred(33, owner=b""), volume="q")
    t("by fd", "FENTRYLK", gfid=d, fd=fd, cmd=lock_nb, type=1, namelen=1,
      name="h", volume="dom", cred=a)
    t("by fd, refused", "FENTRYLK", gfid=d, fd=fd, cmd=lock_nb, type=1,
      namelen=1, name="h", volume="dom", cred=b)
    t("on a file", "ENTRYLK", gfid=g, cmd=lock_nb, type=1, namelen=1,
      name="h", volume="dom", cred=a)
    t("unknown", "ENTRYLK", gfid=t.new_gfid(), cmd=lock_nb, type=1, namelen=1,
      name="h", volume="dom", cred=a)


def entrylk_waiting(t):
    """ENTRYLK that waits"""
    d = t.mkdir("d")
    key = "glusterfs.entrylk-count"
    a, b, c = (Cred(i, owner=b"owner-" + bytes([i])) for i in range(41, 44))
    other = t.connect()

    def args(cmd, name, cred):
        return dict(gfid=d, cmd=cmd, type=1, namelen=name is not None,
                    name=name or "", volume="dom", cred=cred)
    t("held", "ENTRYLK", **args(2, "f", a))
    x = other.send_fop("ENTRYLK", **args(0, None, b))
    until_counted(t, d, key, 2)
    y = other.send_fop("ENTRYLK", **args(0, "g", c))
    until_counted(t, d, key, 3)
    t("behind", "ENTRYLK", client=other, **args(2, "h", Cred(44)))
    t("holder, behind", "ENTRYLK", **args(2, "h", a))
    t("unlock", "ENTRYLK", **args(1, "f", a))
    t("unlock the other", "ENTRYLK", **args(1, "h", a))
    r = other.wait_fop("ENTRYLK", x)
    t.note("first granted", "ENTRYLK", {"ret": r.op_ret, "xdata": r.xdata})
    t("unlock all", "ENTRYLK", client=other, **args(1, None, b))
    r = other.wait_fop("ENTRYLK", y)
    t.note("second granted", "ENTRYLK", {"ret": r.op_ret})
    z = t.client.send_fop("ENTRYLK", **args(0, "g", a))
    until_counted(t, d, key, 2)
    other.close()
    r = t.client.wait_fop("ENTRYLK", z)
    t.note("disconnect releases", "ENTRYLK", {"ret": r.op_ret})


def removal(t):
    """removals wait for other clients' inodelks"""
    third, other = t.connect(), t.connect()
    a, b, c = (Cred(i, owner=b"owner-" + bytes([i])) for i in range(71, 74))

    def inodelk(client, g, kind, start, cred, cmd=SETLK):
        return client.send_fop(
            "INODELK", gfid=g, cmd=cmd, type=kind, cred=cred, volume="dom",
            flock={"type": kind, "start": start, "len": 1})

    def note(label, client, name, xid):
        r = client.wait_fop(name, xid)
        t.note(label, name, {"ret": r.op_ret, "errno":
                             r.op_errno if r.op_ret < 0 else 0})

    def until_kept_back(g):
        """The removal waits: nobody new gets a lock."""
        def kept_back():
            r = third.wait_fop("INODELK", inodelk(third, g, RDLCK, 9, c))
            if r.ok:
                third.wait_fop("INODELK", inodelk(third, g, UNLCK, 9, c))
            return not r.ok
        wait_until("a removal waits", kept_back)
    for name, make, args in (
            ("UNLINK", lambda n: t.make(n)[0], lambda n: dict(bname=n)),
            ("RMDIR", t.mkdir, lambda n: dict(bname=n)),
            ("RENAME", lambda n: t.make(n)[0], lambda n: dict(
                oldgfid=t.dir, newgfid=t.dir, oldbname="other-" + n,
                newbname=n))):
        n = "removed-by-" + name
        where = {} if name == "RENAME" else {"pargfid": t.dir}
        g = make(n)
        t.make("other-" + n)
        note("held", t.client, "INODELK", inodelk(t.client, g, WRLCK, 0, a))
        xid = other.send_fop(name, **where, **args(n))
        until_kept_back(g)
        note("the holder may lock more", t.client, "INODELK",
             inodelk(t.client, g, WRLCK, 5, a))
        note("internal may lock", third, "INODELK", inodelk(
            third, g, WRLCK, 20, Cred(-6, owner=b"shd")))
        note("unlock", t.client, "INODELK", inodelk(t.client, g, UNLCK, 0, a))
        note("unlock", t.client, "INODELK", inodelk(t.client, g, UNLCK, 5, a))
        note("removed", other, name, xid)
        g = make(n + "2")
        t.make("other-" + n + "2")
        note("own lock", t.client, "INODELK",
             inodelk(t.client, g, WRLCK, 0, a))
        t("own lock: removed", name, **where, **args(n + "2"))
    # The stock brick forgets those who wait for one that disconnects.
    if t.brick.ours:
        g = t.make("left")[0]
        third.wait_fop("INODELK", inodelk(third, g, WRLCK, 0, c))
        xid = other.send_fop("UNLINK", pargfid=t.dir, bname="left")
        third.close()
        if not other.wait_fop("UNLINK", xid).ok:
            raise AssertionError("not removed after the holder's end")


def clear_locks(t):
    """clear-locks"""
    g, fd = t.make("f", b"x" * 100)
    d = t.mkdir("d")
    dfd = t.client.fop("OPENDIR", gfid=d).fd
    a, b = Cred(51, owner=b"owner-aa"), Cred(52, owner=b"owner-bb")
    other = t.connect()
    ofd = other.fop("OPEN", gfid=g, flags=O_RDWR).fd

    def order(text, gfid=g, fd=None):
        for name in ("glusterfs.clrlk." + text,):
            if fd is None:
                t(text, "GETXATTR", gfid=gfid, namelen=1, name=name)
            else:
                t(text + ", fd", "FGETXATTR", gfid=gfid, fd=fd, namelen=1,
                  name=name)

    def inodelk(cmd=SETLK, start=0, length=0, cred=a, client=t.client):
        return client.send_fop(
            "INODELK", gfid=g, cmd=cmd, type=WRLCK, cred=cred, volume="dom",
            flock={"type": WRLCK, "start": start, "len": length})

    def answered(label, client, name, xid):
        r = client.wait_fop(name, xid)
        t.note(label, name, {"ret": r.op_ret, "errno": r.op_errno})
    for bad in ("", "t", "tall", "tall.kall", "tinode.kmany", "tinode.many",
                "inode.kall", "tinode.kall.x", "tinode.kall.0,0",
                "tinode.kall.0,a-1", "tposix.kall.0,0-0x", "kall.tinode",
                "tinode", "tinode.", "tinode.kall", "tentry.kall",
                "tposix.kall"):
        order(bad)
    order("tinode.kall", fd=fd)
    order("tentry.kall", d, dfd)
    answered("held", t.client, "INODELK", inodelk(start=0, length=10))
    answered("held", t.client, "INODELK", inodelk(start=20, length=10))
    x = inodelk(SETLKW, 0, 5, b, other)
    until_counted(t, g, "glusterfs.inodelk-count", 3)
    order("tinode.kblocked.0,0-6")
    order("tinode.kblocked.0,0-5")
    answered("waiter", other, "INODELK", x)
    x = inodelk(SETLKW, 0, 5, b, other)
    until_counted(t, g, "glusterfs.inodelk-count", 3)
    order("tinode.kgranted.0,20-10")
    order("tinode.kgranted")
    answered("waiter let in", other, "INODELK", x)
    order("tinode.kall")
    lk = dict(gfid=g, cmd=SETLK, type=WRLCK)
    t("lock", "LK", fd=fd, cred=a, flock={"len": 10, "type": WRLCK}, **lk)
    lk["cmd"] = SETLKW
    x = other.send_fop("LK", fd=ofd, cred=b, flock={"type": WRLCK}, **lk)
    until_locks(t, g, 2)
    order("tposix.kblocked", fd=fd)
    answered("interrupted", other, "LK", x)
    x = other.send_fop("LK", fd=ofd, cred=b, flock={"type": WRLCK}, **lk)
    until_locks(t, g, 2)
    order("tposix.kgranted.0,0-9")
    order("tposix.kgranted.0,0-10")
    answered("let in", other, "LK", x)
    x = t.client.send_fop("LK", fd=fd, cred=a, flock={"type": WRLCK}, **lk)
    until_locks(t, g, 2)
    t("interrupt, not mine", "FGETXATTR", gfid=g, fd=fd, namelen=1,
      name="glusterfs.intrlk.tposix.kblocked", cred=Cred(99))
    # The answer to the one may come after that of the other.
    t.client.fop("FGETXATTR", gfid=g, fd=fd, namelen=1, cred=a,
                 name="glusterfs.intrlk.tposix.kblocked")
    answered("interrupted", t.client, "LK", x)
    order("tposix.kall")
    for name in "x", "y.z":
        t("entry", "ENTRYLK", gfid=d, cmd=2, type=1, namelen=1, name=name,
          volume="dom", cred=a)
    order("tentry.kgranted.y", d)
    order("tentry.kgranted.y.z", d)
    order("tentry.kall", d)


def active_locks(t):
    """GETACTIVELK"""
    g, fd = t.make("f", b"x" * 100)
    a, b = Cred(61, owner=b"owner-aa"), Cred(62, owner=b"owner-bb")

    def read(label):
        r = t.client.fop("GETACTIVELK", gfid=g)
        t.note(label, "GETACTIVELK", {
            "ret": r.op_ret, "xdata": r.xdata,
            "locks": [(e["flock"]["type"], e["flock"]["start"],
                       e["flock"]["len"], e["flock"]["pid"],
                       e["flock"]["owner"], e["client"][:7], e["flags"])
                      for e in r.locks]})
    read("none")
    for kind, start, length, cred in ((RDLCK, 0, 10, a), (RDLCK, 5, 10, b),
                                      (WRLCK, 50, 0, b)):
        t("lock", "LK", gfid=g, fd=fd, cmd=SETLK, type=kind, cred=cred,
          flock={"type": kind, "start": start, "len": length, "pid": 7},
          xdata={"glusterfs.lk.lkmode": v_uint(start == 5)})
    read("three")
    t("unknown", "GETACTIVELK", gfid=t.new_gfid())


def i32(*values):
    return v_ptr(struct.pack(">%di" % len(values), *values))


def i64(*values):
    return v_ptr(struct.pack(">%dq" % len(values), *values))


DIRTY, AFR0, AFR1 = ("trusted.afr.dirty", "trusted.afr.t-client-0",
                     "trusted.afr.t-client-1")


def index_entries(t, label, *gfids):
    """What the index on disk has of these objects."""
    top = os.path.join(t.brick.dir, ".glusterfs", "indices")
    out = {}
    for kind in ("xattrop", "dirty", "entry-changes"):
        for g in gfids:
            path = os.path.join(top, kind, gfid_text(g))
            if os.path.lexists(path):
                st = os.lstat(path)
                out["%s/%s" % (kind, gfid_text(g))] = (
                    "%06o" % st.st_mode,
                    sorted(os.listdir(path)) if os.path.isdir(path) else "")
    t.note(label, "index", out)


def xattrop(t):
    """XATTROP and FXATTROP"""
    g, fd = t.make("f", b"hello")

    def both(label, pairs, flags=0, **args):
        t(label, "XATTROP", gfid=g, flags=flags,
          dict={"user.p." + k: v for k, v in pairs.items()}, **args)
        t(label + " by fd", "FXATTROP", gfid=g, fd=fd, flags=flags,
          dict={"user.f." + k: v for k, v in pairs.items()}, **args)
    both("zeroes make nothing", {"a": i32(0, 0, 0)})
    t("nothing made", "GETXATTR", gfid=g, namelen=1, name="user.p.a")
    both("add", {"a": i32(1, -1, 0x7fffffff)})
    both("wrap", {"a": i32(0, 0, 1)})
    both("no change", {"a": i32(0, 0, 0)})
    both("longer", {"a": i32(1, 2, 3, 4)})
    both("shorter", {"a": i32(1, 1)})
    both("two", {"b": i32(1), "c": i32(2)})
    both("two, one bad", {"new": i32(1), "a": i32(1)})
    t("of the two", "GETXATTR", gfid=g, namelen=1, name="user.p.new")
    both("add64", {"d": i64(1, -1)}, 1)
    both("add64 wraps", {"d": i64(0x7fffffffffffffff, 1)}, 1)
    both("add64 wraps", {"d": i64(1, 1)}, 1)
    both("no elements", {"e": v_ptr(b"")})
    for n in (1, 3, 5, 13):
        t("odd %d" % n, "XATTROP", gfid=g,
          dict={"user.odd%d" % n: v_ptr(b"\1" * n)})
        t("odd %d by fd" % n, "FXATTROP", gfid=g, fd=fd, flags=5,
          dict={"user.odd%d" % n: v_ptr(b"\1" * n)})
    for flags in (2, 3, 7, 99, 0x80000000, 0xffffffff):
        both("operation %#x" % flags, {"o": i32(1)}, flags)
    both("get and set", {"s": v_ptr(b"abc")}, 4)
    both("get and set again", {"s": v_ptr(b"defgh")}, 4)
    both("get and set shorter", {"s": v_ptr(b"i")}, 4)
    both("get and set zeroes", {"s": v_ptr(bytes(5))}, 4)
    both("get and set once more", {"s": v_ptr(b"z" * 5)}, 4)
    for w, width, flags in ((i32, 32, 5), (i64, 64, 6)):
        name = "w%d" % width
        both("default %d" % width, {name: w(1, 2, 10, 20)}, flags)
        both("default again %d" % width, {name: w(1, -22, 10, 20)}, flags)
        both("default of zero %d" % width, {name: w(1, 1, 10, 20)}, flags)
        both("default, no change %d" % width, {name: w(0, 0, 10, 20)}, flags)
        both("nothing at all %d" % width, {name: w(0, 0, 0, 0)}, flags)
        both("longer default %d" % width, {name: w(1, 1, 1, 9, 9, 9)}, flags)
    t("empty", "XATTROP", gfid=g, dict={})
    t("null", "XATTROP", gfid=g, dict=None)
    t("a text", "XATTROP", gfid=g, dict={"user.text": v_str("abc")})
    t("a number", "XATTROP", gfid=g, dict={"user.number": v_int(5)})
    t("no namespace", "XATTROP", gfid=g, dict={"what": i32(1)})
    t("a long name", "XATTROP", gfid=g, dict={"user." + LONG: i32(1)})
    t("unknown gfid", "XATTROP", gfid=t.new_gfid(), dict={DIRTY: i32(1)})
    t("null gfid", "XATTROP", dict={DIRTY: i32(1)})
    t("no such fd", "FXATTROP", gfid=g, fd=99, dict={DIRTY: i32(1)})
    t("anonymous", "FXATTROP", gfid=g, fd=ANON_FD, dict={"user.an": i32(1)})
    for label, x in {
            "null": None, "empty": {}, "size": {"get-size": v_int(1)},
            "mode": {"dht-get-mode-in-xattr": v_int(1)},
            "pattern": {"user.p.*": v_int(0)},
            "content": {"glusterfs.content": v_uint(100)},
            "counts": {"glusterfs.inodelk-dom-count": v_str("dom")},
            "pending": {"link-count": v_str("glusterfs.xattrop_index_count")},
            "unknown": {"who.knows": v_int(1)}}.items():
        both("xdata " + label, {"a": i32(0, 0, 0, 0)}, xdata=x)
    t.client.fop("UNLINK", pargfid=t.dir, bname="f")
    t("unlinked", "FXATTROP", gfid=g, fd=fd, dict={"user.f.b": i32(1)})
    t("unlinked, by gfid", "XATTROP", gfid=g, dict={"user.p.b": i32(1)})
    # The stock brick takes these, and the object has another gfid.
    g, fd = t.make("g")
    for key in ("trusted.gfid", "trusted.glusterfs.volume-id"):
        t.ours("set " + key, "XATTROP", errno.EPERM, gfid=g, flags=4,
               dict={key: v_ptr(b"x" * 16)})


def index(t):
    """what XATTROP does to the heal index"""
    f, fd = t.make("f")
    d = t.mkdir("d")

    def x(label, g, pairs, flags=0, **args):
        t(label, "XATTROP", gfid=g, flags=flags, dict=pairs, **args)
        index_entries(t, "%s, after" % label, f, d)

    def name(key, text):
        return {"glusterfs.xattrop-entry-" + key: v_str(text)}
    pending = {"link-count": v_str("glusterfs.xattrop_index_count")}
    x("zeroes", f, {DIRTY: i32(0, 0, 0), AFR0: i32(0, 0, 0)})
    x("dirty", f, {DIRTY: i32(1, 0, 0), AFR0: i32(0, 0, 0)})
    x("dirty no more", f, {DIRTY: i32(-1, 0, 0), AFR0: i32(0, 0, 0)})
    x("pending", f, {AFR0: i32(0, 1, 0), AFR1: i32(0, 0, 0)})
    for op, args in (("LOOKUP", {}), ("FSTAT", {"fd": fd}), ("STAT", {})):
        t("pending", op, gfid=f, xdata=pending, **args)
    t("pending, missing", "LOOKUP", pargfid=t.dir, bname="no", xdata=pending)
    x("pending more", f, {AFR0: i32(0, 1, 0), AFR1: i32(1, 0, 0)})
    x("one of them zero", f, {AFR0: i32(0, -2, 0), AFR1: i32(0, 0, 0)})
    x("the other alone, of zero", f, {AFR0: i32(0, 0, 0)})
    x("again", f, {AFR1: i32(0, 0, 0)})
    x("all zero", f, {AFR0: i32(0, 0, 0), AFR1: i32(-1, 0, 0)})
    x("not watched", f, {"trusted.afr.other": i32(1, 0, 0)})
    x("get and set", f, {AFR0: i32(1, 1, 1)}, 4)
    x("back", f, {AFR0: i32(-1, -1, -1)})
    x("default", f, {AFR0: i32(1, 1, 1, 1, 1, 1)}, 5)
    x("64 dirty", d, {DIRTY: i64(1, 0)}, 1)
    x("64 disperse", d, {"trusted.ec.dirty": i64(1, 0),
                         "trusted.ec.version": i64(1, 1)}, 1)
    x("64 disperse, zero", d, {"trusted.ec.dirty": i64(-1, 0)}, 1)
    x("64 back", d, {DIRTY: i64(-1, 0)}, 1)
    x("too short", f, {AFR0: i32(1)})
    x("as it was", f, {AFR0: i32(-2, -2, -2)})
    # Names of changes.
    x("name", d, {AFR0: i32(0, 0, 1)}, xdata=name("create", "a"))
    x("name again", d, {AFR0: i32(0, 0, 0)}, xdata=name("create", "a"))
    x("another", d, {DIRTY: i32(0, 0, 0)}, xdata=name("create", "b c"))
    x("of a file", f, {AFR0: i32(0, 0, 0)}, xdata=name("create", "x"))
    x("not watched", d, {"user.x": i32(1)}, xdata=name("create", "nw"))
    x("64 without", d, {"user.y": i64(1)}, 1, xdata=name("create", "n64"))
    x("64 with", d, {"trusted.ec.dirty": i64(0, 0)}, 1,
      xdata=name("create", "w64"))
    x("get and set", d, {"user.z": i32(1)}, 4, xdata=name("create", "gs"))
    x("slash", d, {AFR0: i32(0, 0, 1)}, xdata=name("create", "a/b"))
    x("long", d, {AFR0: i32(0, 0, 1)}, xdata=name("create", LONG))
    x("delete", d, {AFR0: i32(0, 0, 1)}, xdata=name("delete", "a"))
    x("delete again", d, {AFR0: i32(0, 0, 1)}, xdata=name("delete", "a"))
    x("delete slash", d, {AFR0: i32(0, 0, 1)}, xdata=name("delete", "../b"))
    both = dict(name("create", "q"), **name("delete", "q"))
    x("create and delete", d, {AFR0: i32(0, 0, 1)}, xdata=both)
    # The last of them, and what that takes along.
    x("zero, no purge", d, {AFR0: i32(0, 0, -5)}, xdata={"x": v_int(1)})
    x("zero, purge 0", d, {AFR0: i32(0, 0, 0)},
      xdata={"glusterfs.xattrop-purge-index": v_int(0)})
    x("zero, purge, of dirty", d, {DIRTY: i32(0, 0, 0)},
      xdata={"glusterfs.xattrop-purge-index": v_int(1)})
    x("zero, purge", d, {AFR0: i32(0, 0, 0)},
      xdata={"glusterfs.xattrop-purge-index": v_int(1)})
    e = t.mkdir("e")
    t("once more", "XATTROP", gfid=e, dict={AFR0: i32(0, 0, 1)},
      xdata=name("create", "a"))
    t("zero, null xdata", "XATTROP", gfid=e, dict={AFR0: i32(0, 0, -1)},
      xdata=None)
    index_entries(t, "zero, null xdata, after", e)


def index_dirs(t):
    """the virtual directories of the heal index"""
    keys = ("glusterfs.xattrop_index_gfid", "glusterfs.xattrop_dirty_gfid",
            "glusterfs.xattrop_entry_changes_gfid")
    f, fd = t.make("f")
    d = t.mkdir("d")
    c = t.client
    for g, label in ((f, "file"), (d, "directory")):
        if not c.fop("XATTROP", gfid=g, dict={AFR0: i32(0, 0, 1),
                                              DIRTY: i32(0, 0, 1)},
                     xdata={"glusterfs.xattrop-entry-create":
                            v_str("name")}).ok:
            raise AssertionError("no entry of the " + label)

    def seen(label, op, /, **args):
        """A reply without what is random."""
        r = c.fop(op, **args)
        what = {"op_ret": r.op_ret}
        if not r.ok:
            what["op_errno"] = os.strerror(r.op_errno)
        for k in ("pre", "post", "stat"):
            if r.ok and k in r:
                what[k] = {x: r[k][x] for x in ("mode", "ino", "flags")}
        if r.ok:
            what["xdata"] = sorted((r["xdata"] or {}).items())
        t.note(label, op, what)
        return r
    for key in keys + ("glusterfs.xattrop_index_count",
                       "glusterfs.xattrop_dirty_count"):
        for label, g in (("root", ROOT), ("file", f)):
            r = c.fop("GETXATTR", gfid=g, namelen=1, name=key)
            t.note("get %s of %s" % (key, label), "GETXATTR", {
                "op_ret": r.op_ret,
                "dict": [(k, v[0], len(v[1]) if v[0] == PTR else "number")
                         for k, v in r["dict"].items()],
                "xdata": str(r["xdata"])})
        t("get " + key, "FGETXATTR", gfid=f, fd=fd, namelen=1, name=key)
        t("set " + key, "SETXATTR", gfid=f, dict={key: v_ptr(b"x")})
        t("remove " + key, "REMOVEXATTR", gfid=f, name=key)
    virtual = [c.fop("GETXATTR", gfid=ROOT, namelen=1, name=k)["dict"][k][1]
               for k in keys]
    want = {"glusterfs.index-ia-type-get-req": v_int(1)}
    for v, key in zip(virtual, keys):
        label = key.split("_")[1]
        seen(label, "LOOKUP", gfid=v)
        seen(label + ", type", "LOOKUP", gfid=v, xdata=want)
        seen(label + ", entry", "LOOKUP", pargfid=v, bname=gfid_text(d))
        seen(label + ", entry, type", "LOOKUP", pargfid=v,
             bname=gfid_text(d), xdata=want)
        seen(label + ", no entry", "LOOKUP", pargfid=v,
             bname=gfid_text(t.new_gfid()))
        seen(label + ", other name", "LOOKUP", pargfid=v, bname="name")
        seen(label + ", long name", "LOOKUP", pargfid=v, bname=LONG)
        seen(label + ", slash", "LOOKUP", pargfid=v, bname="../name")
        h = seen(label, "OPENDIR", gfid=v).fd
        for x, how in ((None, "plain"), ({"get-gfid-type": v_int(1)},
                                         "types")):
            r = c.fop("READDIR", gfid=v, fd=h, size=65536, xdata=x)
            t.note("%s, %s" % (label, how), "READDIR", {
                "end": r.op_errno,
                "entries": sorted((e["name"], e["type"]) for e in r["entries"]
                                  if gfid_text(f)[:8].encode() in e["name"] or
                                  e["name"] in (b".", b".."))})
        seen(label, "READDIRP", gfid=v, fd=h, size=65536)
        seen(label, "FSTAT", gfid=v, fd=h)
        seen(label, "FGETXATTR", gfid=v, fd=h, namelen=1, name="user.a")
        seen(label, "RELEASEDIR", gfid=v, fd=h)
        seen(label + ", no entry", "UNLINK", pargfid=v,
             bname=gfid_text(t.new_gfid()))
        seen(label + ", slash", "UNLINK", pargfid=v, bname="../name")
        seen(label + ", directory", "UNLINK", pargfid=v, bname=gfid_text(d))
        index_entries(t, label + ", unlinked", f, d)
        seen(label + ", no entry", "RMDIR", pargfid=v,
             bname=gfid_text(t.new_gfid()))
    v = virtual[2]
    below = seen("below", "LOOKUP", pargfid=v,
                 bname=gfid_text(d)).pre["gfid"]
    seen("below by gfid", "LOOKUP", gfid=below)
    seen("below, type", "LOOKUP", gfid=below, xdata=want)
    seen("below, entry", "LOOKUP", pargfid=below, bname="name")
    seen("below, no entry", "LOOKUP", pargfid=below, bname="none")
    h = seen("below", "OPENDIR", gfid=below).fd
    r = c.fop("READDIR", gfid=below, fd=h, size=65536)
    t.note("below", "READDIR", {
        "end": r.op_errno,
        "entries": sorted((e["name"], e["type"]) for e in r["entries"])})
    seen("below, no entry", "UNLINK", pargfid=below, bname="none")
    seen("below", "UNLINK", pargfid=below, bname="name")
    index_entries(t, "below, unlinked", f, d)
    seen("below, empty", "RMDIR", pargfid=v, bname=gfid_text(d))
    seen("below, full", "RMDIR", pargfid=v, bname=gfid_text(f), xflags=1)
    index_entries(t, "below, removed", f, d)


def rest(t):
    """calls that no brick offers"""
    g, fd = t.make("f", b"x")
    t("compound", "COMPOUND")
    t("put", "PUT", pargfid=t.dir, bname="p")
    t("icreate", "ICREATE", gfid=t.new_gfid(), mode=0o100644)
    t("ipc upcall", "IPC", op=2, xdata={"user.*": v_int(0)})
    t("ipc changelog", "IPC", op=0)
    t("ipc unknown", "IPC", op=77)
    t("lease", "LEASE", gfid=g)
    for proc in (57, 100, 0xffffffff):
        try:
            t.client.call(FOP, FOP_VERSION, proc, bytes(64))
            t.note("procedure %d" % proc, "-", {"rpc": "ok"})
        except RpcError as e:
            t.note("procedure %d" % proc, "-", {"rpc": e.status})
    for program, version in ((FOP, 399), (FOP, 401), (HANDSHAKE, 1),
                             (HANDSHAKE, 3), (DUMP, 2), (34123456, 1),
                             (4867634, 2), (1, 1), (CALLBACK, 1)):
        try:
            t.client.call(program, version, 1, bytes(64))
            t.note("program %d/%d" % (program, version), "-", {"rpc": "ok"})
        except RpcError as e:
            t.note("program %d/%d" % (program, version), "-",
                   {"rpc": (e.status, e.detail)})
    for proc in (0, 5, 6, 7, 99):
        try:
            r = t.client.call(HANDSHAKE, 2, proc, bytes(64))
            t.note("handshake %d" % proc, "-", {"rpc": r.rest()})
        except RpcError as e:
            t.note("handshake %d" % proc, "-", {"rpc": e.status})
    for proc in (0, 99):
        try:
            r = t.client.call(DUMP, 1, proc, b"")
            t.note("dump %d" % proc, "-", {"rpc": r.rest()})
        except RpcError as e:
            t.note("dump %d" % proc, "-", {"rpc": e.status})
    r = t.client.call(HANDSHAKE, 2, 4, p_opaque(b"uid") +
                      struct.pack(">i", 7))
    t.note("SET_LK_VER", "-", {"reply": r.rest()})
    r = t.client.call(HANDSHAKE, 2, 2, struct.pack(">I", 0) +
                      p_opaque(b"vol") + p_opaque(b""))
    t.note("GETSPEC", "-", {"reply": r.rest()})
    r = t.client.call(HANDSHAKE, 2, 3, b"")
    t.note("PING", "-", {"reply": r.rest()})
    r = t.client.call(FOP, FOP_VERSION, 0, b"")
    t.note("NULL", "-", {"reply": r.rest()})


def setvolume(t):
    """SETVOLUME"""
    name = t.brick.dir

    def attempt(label, subvolume=name, raw=None, **options):
        c = Client(t.brick.port)
        t.clients.append(c)
        try:
            ret, err, d = (c.setvolume_raw(raw) if raw is not None else
                           c.setvolume(subvolume, **options))
            d = dict(d or {})
            for k in ("transport-ptr", "process-uuid", "volume-id"):
                if k in d:
                    d[k] = "set"
            if "ERROR" in d:
                d["ERROR"] = d["ERROR"].replace(name.encode(), b"BRICK")
            what = {"op_ret": ret, "reply": sorted(d.items(), key=str)}
            if ret < 0:
                what["op_errno"] = os.strerror(err)
        except RpcError as e:
            what = {"rpc": e.status}
        t.note(label, "SETVOLUME", what)
        try:
            r = c.fop("LOOKUP", gfid=ROOT)
            t.note(label + ", then LOOKUP", "LOOKUP", {"op_ret": r.op_ret})
        except RpcError as e:
            t.note(label + ", then LOOKUP", "LOOKUP", {"rpc": e.status})
        return c
    attempt("good")
    attempt("empty dictionary", raw=b"")
    attempt("count 0", raw=bytes(4))
    attempt("rubbish", raw=b"\xff" * 40)
    attempt("no subvolume", remote_subvolume=None)
    attempt("unknown subvolume", "/no/such/brick")
    attempt("no uuid", process_uuid=None)
    attempt("wrong volume-id", volume_id="11111111-1111-1111-1111-"
            "111111111111")
    attempt("bad volume-id", volume_id="nonsense")
    attempt("no version", fops_version=None)
    attempt("wrong version", fops_version="1298438")
    attempt("version text", fops_version="x")
    attempt("with login", username="nobody", password="wrong")
    attempt("missing subdirectory", subdir_mount="/no/such")
    c = Client(t.brick.port)
    t.clients.append(c)
    for op in ("LOOKUP", "STATFS", "OPENDIR"):
        try:
            c.fop(op, gfid=ROOT)
            t.note("before SETVOLUME", op, {"rpc": "ok"})
        except RpcError as e:
            t.note("before SETVOLUME", op, {"rpc": e.status})


def unknown(t):
    """every operation by gfid on a gfid that is not there"""
    for op, kw in (("STAT", {}), ("READLINK", {"size": 10}),
                   ("TRUNCATE", {}), ("OPEN", {}), ("STATFS", {}),
                   ("SETXATTR", {"dict": {"user.a": v_ptr(b"")}}),
                   ("GETXATTR", {}), ("REMOVEXATTR", {"name": "user.a"}),
                   ("OPENDIR", {}), ("ACCESS", {"mask": 4}),
                   ("SETATTR", {"valid": 1}), ("LOOKUP", {})):
        t("unknown", op, gfid=t.new_gfid(), **kw)
        t("null", op, gfid=NULL, **kw)
    for op, kw in (("READ", {"size": 1}),
                   ("WRITE", {"size": 1, "payload": b"x"}), ("FLUSH", {}),
                   ("FSYNC", {}), ("FSTAT", {}), ("FTRUNCATE", {}),
                   ("READDIR", {"size": 4096}), ("READDIRP", {"size": 4096}),
                   ("FSYNCDIR", {}), ("LK", {"cmd": GETLK}), ("SEEK", {}),
                   ("FALLOCATE", {"size": 1}), ("DISCARD", {"size": 1}),
                   ("ZEROFILL", {"size": 1}), ("FGETXATTR", {}),
                   ("FSETXATTR", {"dict": {"user.a": v_ptr(b"")}}),
                   ("FREMOVEXATTR", {"name": "user.a"}), ("FSETATTR", {}),
                   ("RCHECKSUM", {"len": 1})):
        t("unknown, anonymous", op, gfid=t.new_gfid(), fd=ANON_FD, **kw)
        t("null, anonymous", op, gfid=NULL, fd=ANON_FD, **kw)


ALL = [handshake, lookup, foreign, content_keys, lock_counts, create, mkdir,
       preop, mknod, linkto, unlink, rename, data, space, setattr_, ctime,
       xattrs, acl, permissions, readdir, locks, inodelk,
       inodelk_waiting, entrylk, entrylk_waiting, removal, clear_locks,
       active_locks, xattrop, index, index_dirs, rest, setvolume,
       unknown]
