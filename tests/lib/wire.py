# SPDX-License-Identifier: BSD-2-Clause
"""
A second implementation of the brick protocol, for tests: a client that can
also say what no good client says.  Every operation is one line of a table of
typed fields; packing and unpacking walk that table, so that requests can be
built whole, cut short or bent anywhere.  The format is doc/protocol.md's.
"""

import socket
import struct
import uuid
import weakref

DUMP, DUMP_VERSION = 123451501, 1
FOP, FOP_VERSION = 1298437, 400
HANDSHAKE, HANDSHAKE_VERSION = 14398633, 2
CALLBACK = 52743234

AUTH_NULL, AUTH_UNIX, AUTH_V1, AUTH_V2, AUTH_V3 = 0, 1, 5, 390039, 390040

SUCCESS, PROG_UNAVAIL, PROG_MISMATCH, PROC_UNAVAIL = 0, 1, 2, 3
GARBAGE_ARGS, SYSTEM_ERR = 4, 5
DENIED = "denied"

STR_OLD, INT, UINT, DOUBLE, STR, PTR, GFUUID, IATT, MDATA = range(1, 10)
TAG_NAMES = ["?", "STR_OLD", "INT", "UINT", "DOUBLE", "STR", "PTR", "GFUUID",
             "IATT", "MDATA"]

ROOT = bytes(15) + b"\1"
NULL = bytes(16)
ANON_FD = -2

SETATTR_MODE, SETATTR_UID, SETATTR_GID, SETATTR_SIZE = 1, 2, 4, 8
SETATTR_ATIME, SETATTR_MTIME, SETATTR_CTIME = 0x10, 0x20, 0x40

GETLK, SETLK, SETLKW = 0, 1, 2
RDLCK, WRLCK, UNLCK = 0, 1, 2

O_WRONLY, O_RDWR, O_CREAT, O_EXCL = 1, 2, 0o100, 0o200
O_TRUNC, O_APPEND, O_SYNC, O_DIRECT = 0o1000, 0o2000, 0o10000, 0o40000
O_DIRECTORY, O_NOFOLLOW = 0o200000, 0o400000


class WireError(Exception):
    """What came is not what the protocol says."""


class Closed(WireError):
    """The peer closed the connection."""


class RpcError(WireError):
    """The call was denied, or accepted with a status other than SUCCESS."""

    def __init__(self, status, detail=None):
        super().__init__("rpc status %s %s" % (status, detail or ""))
        self.status = status
        self.detail = detail


# --- values of v4 dictionaries ---

def v_int(n):
    return (INT, n)


def v_uint(n):
    return (UINT, n)


def v_str(s):
    """A string as clients send it: with its NUL."""
    return (STR, (s.encode() if isinstance(s, str) else s) + b"\0")


def v_ptr(b):
    return (PTR, b)


def v_gfid(g):
    return (GFUUID, g)


def gfid_text(g):
    return str(uuid.UUID(bytes=g))


# --- XDR ---

def pad(n):
    return (4 - n % 4) % 4


def p_opaque(b):
    return struct.pack(">I", len(b)) + b + bytes(pad(len(b)))


class Reader:
    """Takes XDR items off a record; never reads past its end."""

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def take(self, n):
        if n < 0 or self.pos + n > len(self.data):
            raise WireError("truncated at %d of %d, wanted %d" %
                            (self.pos, len(self.data), n))
        out = self.data[self.pos:self.pos + n]
        self.pos += n
        return out

    def unpack(self, fmt):
        return struct.unpack(">" + fmt, self.take(struct.calcsize(">" + fmt)))

    def u32(self):
        return self.unpack("I")[0]

    def i32(self):
        return self.unpack("i")[0]

    def u64(self):
        return self.unpack("Q")[0]

    def i64(self):
        return self.unpack("q")[0]

    def opaque(self):
        n = self.u32()
        out = self.take(n)
        if any(self.take(pad(n))):
            raise WireError("padding is not zero")
        return out

    def rest(self):
        return self.take(len(self.data) - self.pos)


IATT_FIELDS = [
    ("gfid", "16s"), ("flags", "Q"), ("ino", "Q"), ("dev", "Q"),
    ("rdev", "Q"), ("size", "Q"), ("blocks", "Q"), ("attributes", "Q"),
    ("attributes_mask", "Q"), ("atime", "q"), ("mtime", "q"), ("ctime", "q"),
    ("btime", "q"), ("atime_nsec", "I"), ("mtime_nsec", "I"),
    ("ctime_nsec", "I"), ("btime_nsec", "I"), ("nlink", "I"), ("uid", "I"),
    ("gid", "I"), ("blksize", "I"), ("mode", "I")]
IATT_FORMAT = ">" + "".join(f for _, f in IATT_FIELDS)
IATT_BYTES = struct.calcsize(IATT_FORMAT)
assert IATT_BYTES == 148

STATFS_FIELDS = ["bsize", "frsize", "blocks", "bfree", "bavail", "files",
                 "ffree", "favail", "fsid", "flag", "namemax"]


def p_iatt(a):
    a = a or {}
    return struct.pack(IATT_FORMAT, *[
        a.get(n, NULL if n == "gfid" else 0) for n, _ in IATT_FIELDS])


def u_iatt(r):
    return dict(zip([n for n, _ in IATT_FIELDS],
                    struct.unpack(IATT_FORMAT, r.take(IATT_BYTES))))


def p_value(tag, v):
    if tag in (STR_OLD, STR, PTR):
        return p_opaque(v)
    if tag == INT:
        return struct.pack(">q", v)
    if tag == UINT:
        return struct.pack(">Q", v)
    if tag == DOUBLE:
        return struct.pack(">d", v)
    if tag == GFUUID:
        return v
    if tag == IATT:
        return p_iatt(v)
    if tag == MDATA:
        return struct.pack(">qqqIII", *v)
    return v                          # an unknown tag: the bytes as given


def p_dict(d):
    """d: None (no dictionary), or {key: (tag, value)}.  Bytes go as they
    are, so that a test can send a dictionary that lies."""
    if isinstance(d, bytes):
        return d
    if d is None:
        return struct.pack(">IiI", 0, -1, 0)
    body = b""
    for key, (tag, value) in d.items():
        k = key.encode() if isinstance(key, str) else key
        body += p_opaque(k + b"\0") + struct.pack(">i", tag)
        body += p_value(tag, value)
    return struct.pack(">IiI", len(body), len(d), len(d)) + body


def u_dict(r):
    size, count, npairs = r.unpack("IiI")
    if count < 0:
        if size or npairs:
            raise WireError("a null dictionary with pairs")
        return None
    if count != npairs:
        raise WireError("dictionary count %d, pairs %d" % (count, npairs))
    start = r.pos
    out = {}
    for _ in range(npairs):
        key = r.opaque()
        if not key.endswith(b"\0") or b"\0" in key[:-1]:
            raise WireError("key %r is not a C string" % key)
        tag = r.i32()
        if tag in (STR_OLD, STR, PTR):
            v = r.opaque()
        elif tag == INT:
            v = r.i64()
        elif tag == UINT:
            v = r.u64()
        elif tag == DOUBLE:
            v = r.unpack("d")[0]
        elif tag == GFUUID:
            v = r.take(16)
        elif tag == IATT:
            v = u_iatt(r)
        elif tag == MDATA:
            v = r.unpack("qqqIII")
        else:
            raise WireError("value of unknown type %d" % tag)
        out[key[:-1].decode("utf-8", "surrogateescape")] = (tag, v)
    if r.pos - start != size:
        raise WireError("xdr_size %d, really %d" % (size, r.pos - start))
    return out


def p_bdict(d):
    """The binary dictionary of the handshake; values are bytes, or strings
    that get their NUL."""
    if isinstance(d, bytes):
        return d
    out = struct.pack(">i", len(d))
    for key, v in d.items():
        v = v.encode() + b"\0" if isinstance(v, str) else v
        k = key.encode()
        out += struct.pack(">ii", len(k), len(v)) + k + b"\0" + v
    return out


def u_bdict(b):
    if not b:
        return None
    r = Reader(b)
    out = {}
    for _ in range(r.i32()):
        klen, vlen = r.unpack("ii")
        key = r.take(klen).decode()
        if r.take(1) != b"\0":
            raise WireError("key %r without its NUL" % key)
        out[key] = r.take(vlen)
    return out


def p_flock(f):
    f = f or {}
    return struct.pack(">IIQQI", f.get("type", 0), f.get("whence", 0),
                       f.get("start", 0), f.get("len", 0),
                       f.get("pid", 0)) + p_opaque(f.get("owner", b""))


def u_flock(r):
    t, w, s, n, p = r.unpack("IIQQI")
    return {"type": t, "whence": w, "start": s, "len": n, "pid": p,
            "owner": r.opaque()}


def p_lease(v):
    cmd, kind, ident, flags = v
    return struct.pack(">II", cmd, kind) + ident + struct.pack(">I", flags)


def u_lease(r):
    return (r.u32(), r.u32(), r.take(16), r.u32())


def u_statfs(r):
    return dict(zip(STATFS_FIELDS, r.unpack("11Q")))


def u_list(r, item):
    out = []
    while True:
        more = r.u32()
        if more == 0:
            return out
        if more != 1:
            raise WireError("list marker %d" % more)
        out.append(item(r))


def u_entry(r):
    ino, off, length, kind = r.unpack("QQII")
    e = {"ino": ino, "off": off, "len": length, "type": kind,
         "name": r.opaque()}
    if len(e["name"]) != length:
        raise WireError("d_len %d of %r" % (length, e["name"]))
    return e


def u_entry_plus(r):
    e = u_entry(r)
    e["stat"] = u_iatt(r)
    e["dict"] = u_dict(r)
    return e


def u_lockent(r):
    return {"flock": u_flock(r), "client": r.opaque(), "flags": r.u32()}


def p_lockents(items):
    out = b""
    for e in items:
        out += struct.pack(">I", 1) + p_flock(e["flock"])
        out += p_opaque(e["client"]) + struct.pack(">I", e["flags"])
    return out + struct.pack(">I", 0)


def as_bytes(s):
    return s.encode() if isinstance(s, str) else s


PACK = {
    "gfid": lambda v: v,
    "u32": lambda v: struct.pack(">I", v & 0xffffffff),
    "i32": lambda v: struct.pack(">i", v),
    "u64": lambda v: struct.pack(">Q", v & 0xffffffffffffffff),
    "i64": lambda v: struct.pack(">q", v),
    "str": lambda v: p_opaque(as_bytes(v)),
    "iatt": p_iatt,
    "dict": p_dict,
    "flock": p_flock,
    "lease": p_lease,
    "lockents": p_lockents,
}
UNPACK = {
    "gfid": lambda r: r.take(16),
    "u32": Reader.u32, "i32": Reader.i32, "u64": Reader.u64,
    "i64": Reader.i64, "str": Reader.opaque, "iatt": u_iatt,
    "dict": u_dict, "flock": u_flock, "lease": u_lease,
    "statfs": u_statfs,
    "entries": lambda r: u_list(r, u_entry),
    "entriesp": lambda r: u_list(r, u_entry_plus),
    "lockents": lambda r: u_list(r, u_lockent),
}
DEFAULT = {"gfid": NULL, "str": b"", "dict": {}, "iatt": None, "flock": None,
           "lease": (1, 1, bytes(16), 0), "lockents": []}

R0 = "xdata:dict"
R1 = R0 + " stat:iatt"
R2 = R0 + " pre:iatt post:iatt"
R3 = R0 + " stat:iatt preparent:iatt postparent:iatt"
RD = R0 + " dict:dict pre:iatt post:iatt"
RFD = R0 + " fd:i64"

# name: (procedure, request fields without xdata, reply fields)
FOPS = {
    "STAT": (1, "gfid:gfid", R1),
    "READLINK": (2, "gfid:gfid size:u32", R0 + " buf:iatt path:str"),
    "MKNOD": (3, "pargfid:gfid dev:u64 mode:u32 umask:u32 bname:str", R3),
    "MKDIR": (4, "pargfid:gfid mode:u32 umask:u32 bname:str", R3),
    "UNLINK": (5, "pargfid:gfid bname:str xflags:u32", R2),
    "RMDIR": (6, "pargfid:gfid xflags:i32 bname:str", R2),
    "SYMLINK": (7, "pargfid:gfid bname:str umask:u32 linkname:str", R3),
    "RENAME": (8, "oldgfid:gfid newgfid:gfid oldbname:str newbname:str",
               R0 + " stat:iatt preold:iatt postold:iatt prenew:iatt"
               " postnew:iatt"),
    "LINK": (9, "oldgfid:gfid newgfid:gfid newbname:str", R3),
    "TRUNCATE": (10, "gfid:gfid offset:u64", R2),
    "OPEN": (11, "gfid:gfid flags:u32", RFD),
    "READ": (12, "gfid:gfid fd:i64 offset:u64 size:u32 flag:u32",
             "stat:iatt size:u32 xdata:dict"),
    "WRITE": (13, "gfid:gfid fd:i64 offset:u64 size:u32 flag:u32", R2),
    "STATFS": (14, "gfid:gfid", R0 + " statfs:statfs"),
    "FLUSH": (15, "gfid:gfid fd:i64", R0),
    "FSYNC": (16, "gfid:gfid fd:i64 data:u32", R2),
    "SETXATTR": (17, "gfid:gfid flags:u32 dict:dict", R0),
    "GETXATTR": (18, "gfid:gfid namelen:u32 name:str", RD),
    "REMOVEXATTR": (19, "gfid:gfid name:str", R0),
    "OPENDIR": (20, "gfid:gfid", RFD),
    "FSYNCDIR": (21, "gfid:gfid fd:i64 data:i32", R0),
    "ACCESS": (22, "gfid:gfid mask:u32", R0),
    "CREATE": (23, "pargfid:gfid flags:u32 mode:u32 umask:u32 bname:str",
               R0 + " stat:iatt fd:u64 preparent:iatt postparent:iatt"),
    "FTRUNCATE": (24, "gfid:gfid fd:i64 offset:u64", R2),
    "FSTAT": (25, "gfid:gfid fd:i64", R1),
    "LK": (26, "gfid:gfid fd:i64 cmd:u32 type:u32 flock:flock",
           R0 + " flock:flock"),
    "LOOKUP": (27, "gfid:gfid pargfid:gfid flags:u32 bname:str", R2),
    "READDIR": (28, "gfid:gfid fd:i64 offset:u64 size:u32",
                R0 + " entries:entries"),
    "INODELK": (29, "gfid:gfid cmd:u32 type:u32 flock:flock volume:str", R0),
    "FINODELK": (30, "gfid:gfid fd:i64 cmd:u32 type:u32 flock:flock"
                 " volume:str", R0),
    "ENTRYLK": (31, "gfid:gfid cmd:u32 type:u32 namelen:u64 name:str"
                " volume:str", R0),
    "FENTRYLK": (32, "gfid:gfid fd:i64 cmd:u32 type:u32 namelen:u64 name:str"
                 " volume:str", R0),
    "XATTROP": (33, "gfid:gfid flags:u32 dict:dict", RD),
    "FXATTROP": (34, "gfid:gfid fd:i64 flags:u32 dict:dict", RD),
    "FGETXATTR": (35, "gfid:gfid fd:i64 namelen:u32 name:str", RD),
    "FSETXATTR": (36, "gfid:gfid fd:i64 flags:u32 dict:dict", R0),
    "RCHECKSUM": (37, "gfid:gfid fd:i64 offset:u64 len:u32 flags:u32",
                  R0 + " flags:u32 weak:u32 strong:str"),
    "SETATTR": (38, "gfid:gfid stbuf:iatt valid:i32", R2),
    "FSETATTR": (39, "gfid:gfid fd:i64 stbuf:iatt valid:i32", R2),
    "READDIRP": (40, "gfid:gfid fd:i64 offset:u64 size:u32",
                 R0 + " entries:entriesp"),
    "RELEASE": (41, "gfid:gfid fd:i64", R0),
    "RELEASEDIR": (42, "gfid:gfid fd:i64", R0),
    "FREMOVEXATTR": (43, "gfid:gfid fd:i64 name:str", R0),
    "FALLOCATE": (44, "gfid:gfid fd:i64 flags:u32 offset:u64 size:u64", R2),
    "DISCARD": (45, "gfid:gfid fd:i64 offset:u64 size:u64", R2),
    "ZEROFILL": (46, "gfid:gfid fd:i64 offset:u64 size:u64", R2),
    "IPC": (47, "op:i32", R0),
    "SEEK": (48, "gfid:gfid fd:i64 offset:u64 what:i32", R0 + " offset:u64"),
    "COMPOUND": (49, "", R0),
    "LEASE": (50, "gfid:gfid lease:lease", R0 + " lease:lease"),
    "GETACTIVELK": (51, "gfid:gfid", R0 + " locks:lockents"),
    "SETACTIVELK": (52, "gfid:gfid locks:lockents", R0),
    "ICREATE": (53, "gfid:gfid mode:u32", R1),
    "NAMELINK": (54, "pargfid:gfid bname:str", R2),
    "PUT": (55, "pargfid:gfid bname:str mode:u32 umask:u32 flag:u32"
            " offset:u64 size:u32 xattr:dict", R3),
    "COPY_FILE_RANGE": (56, "gfid1:gfid gfid2:gfid fd_in:i64 fd_out:i64"
                        " off_in:u64 off_out:u64 size:u32 flag:u32",
                        R0 + " stat:iatt pre:iatt post:iatt"),
}


def fields_of(spec):
    return [tuple(f.split(":")) for f in spec.split()]


def pack_fop(name, /, xdata=None, payload=b"", **args):
    """The body of a request.  Fields left out are zero; an unknown field is
    a mistake of the test."""
    proc, spec, _ = FOPS[name]
    out = b""
    for field, kind in fields_of(spec):
        value = args.pop(field, DEFAULT.get(kind, 0))
        out += PACK[kind](value)
    if args:
        raise TypeError("%s has no field %s" % (name, ", ".join(args)))
    return proc, out + p_dict(xdata) + payload


class Reply(dict):
    """The fields of a fop's reply; op_ret and op_errno as attributes."""

    __getattr__ = dict.__getitem__

    @property
    def ok(self):
        return self["op_ret"] >= 0


def unpack_fop(name, r):
    out = Reply(op_ret=r.i32(), op_errno=r.i32())
    for field, kind in fields_of(FOPS[name][2]):
        out[field] = UNPACK[kind](r)
    if name == "READ":
        out["payload"] = r.rest()
    elif r.pos != len(r.data):
        raise WireError("%d bytes left over after a reply to %s" %
                        (len(r.data) - r.pos, name))
    return out


class Cred:
    """Who calls, v2 and v3 of the GlusterFS flavours."""

    def __init__(self, pid=1000, uid=0, gid=0, groups=(), owner=None,
                 flags=0, ctime=(0, 0)):
        self.pid, self.uid, self.gid = pid, uid, gid
        self.groups, self.flags, self.ctime = list(groups), flags, ctime
        self.owner = struct.pack("<i", pid) if owner is None else owner

    def v2(self):
        return struct.pack(">iII", self.pid, self.uid, self.gid) + \
            self._tail()

    def v3(self):
        sec, nsec = self.ctime
        return struct.pack(">iIIIIQ", self.pid, self.uid, self.gid,
                           self.flags, nsec, sec) + self._tail()

    def _tail(self):
        return struct.pack(">I", len(self.groups)) + \
            b"".join(struct.pack(">I", g & 0xffffffff)
                     for g in self.groups) + p_opaque(self.owner)


def call_record(xid, program, version, proc, body, flavor=AUTH_V3, cred=b"",
                rpc_version=2, msg_type=0):
    return struct.pack(">IIIIII", xid, msg_type, rpc_version, program,
                       version, proc) + struct.pack(">I", flavor) + \
        p_opaque(cred) + struct.pack(">II", 0, 0) + body


def frame(record, last=True):
    return struct.pack(">I", (0x80000000 if last else 0) | len(record)) + \
        record


class Client:
    """One connection.  Calls may be pipelined: send(), then wait(xid)."""

    TIMEOUT = 20
    live = weakref.WeakSet()            # all that were not closed

    def __init__(self, port, host="127.0.0.1", timeout=TIMEOUT, rcvbuf=None,
                 source=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if host.startswith("/"):        # a unix socket
            family = socket.AF_UNIX
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        if source:                      # (address, port) to come from
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(source)
        if family == socket.AF_UNIX:
            self.sock.connect(host)
        else:
            self.sock.connect((host, port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.xid = 1
        self.buffer = b""
        self.replies = {}
        self.callbacks = []
        self.cred = Cred()
        Client.live.add(self)

    def close(self):
        self.sock.close()
        Client.live.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # --- records ---

    def send_raw(self, data):
        self.sock.sendall(data)

    def _need(self, n):
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed("connection closed with %d bytes of %d" %
                             (len(self.buffer), n))
            self.buffer += more

    def receive_record(self):
        out = b""
        while True:
            self._need(4)
            mark = struct.unpack(">I", self.buffer[:4])[0]
            n = mark & 0x7fffffff
            self._need(4 + n)
            out += self.buffer[4:4 + n]
            self.buffer = self.buffer[4 + n:]
            if mark & 0x80000000:
                return out

    def expect_close(self):
        """Reads until the end; returns how many bytes came before it."""
        n = len(self.buffer)
        self.buffer = b""
        while True:
            try:
                more = self.sock.recv(1 << 16)
            except (ConnectionResetError, BrokenPipeError):
                return n
            if not more:
                return n
            n += len(more)

    # --- calls ---

    def send(self, program, version, proc, body, flavor=None, cred=None,
             **bend):
        self.xid += 1
        if flavor is None:
            flavor = AUTH_V3 if program in (FOP, HANDSHAKE) else AUTH_V2
        if cred is None:
            cred = self.cred.v2() if flavor == AUTH_V2 else (
                self.cred.v3() if flavor == AUTH_V3 else b"")
        elif isinstance(cred, Cred):
            cred = cred.v2() if flavor == AUTH_V2 else cred.v3()
        self.send_raw(frame(call_record(self.xid, program, version, proc,
                                        body, flavor, cred, **bend)))
        return self.xid

    def wait(self, xid):
        """The results of a call as a Reader; raises RpcError."""
        while xid not in self.replies:
            r = Reader(self.receive_record())
            got, kind = r.unpack("II")
            if kind == 0:
                self.callbacks.append(r)
                continue
            if kind != 1:
                raise WireError("message type %d" % kind)
            if got in self.replies:
                raise WireError("xid %d answered twice" % got)
            self.replies[got] = r
        r = self.replies.pop(xid)
        if r.u32() == 1:
            reject = r.u32()
            raise RpcError(DENIED, (reject,) + r.unpack(
                "II" if reject == 0 else "I"))
        if r.unpack("II") != (0, 0):
            raise WireError("a verifier that is not empty")
        status = r.u32()
        if status != SUCCESS:
            detail = r.unpack("II") if status == PROG_MISMATCH else None
            if r.rest():
                raise WireError("bytes after a failed reply")
            raise RpcError(status, detail)
        return r

    def call(self, *args, **kw):
        return self.wait(self.send(*args, **kw))

    def ping(self):
        r = self.call(DUMP, DUMP_VERSION, 2, b"")
        if r.rest() != bytes(12):
            raise WireError("a ping reply that is not 12 zero bytes")

    def programs(self):
        r = self.call(DUMP, DUMP_VERSION, 1, struct.pack(">Q", 0xcaed))
        r.u64()
        ret, _ = r.unpack("ii")
        if ret < 0:
            raise WireError("DUMP failed")
        return u_list(r, lambda r: (r.opaque().decode(), r.u64(), r.u64()))

    def setvolume(self, subvolume, **options):
        """(op_ret, op_errno, dictionary).  An option of None is left out;
        underscores in names stand for hyphens."""
        request = {
            "remote-subvolume": subvolume,
            "process-uuid": "CTX_ID:%s-GRAPH_ID:0-PID:1-HOST:test-PC_NAME:"
                            "wire-RECON_NO:-0" % uuid.uuid4(),
            "fops-version": str(FOP),
            "client-version": "10.3",
            "opversion": "100000",
            "process-name": "wire.py",
            "clnt-lk-version": "1",
        }
        for key, value in options.items():
            key = key.replace("_", "-")
            request.pop(key, None)
            if value is not None:
                request[key] = value
        return self.setvolume_raw(p_bdict(request))

    def setvolume_raw(self, dictionary):
        r = self.call(HANDSHAKE, HANDSHAKE_VERSION, 1, p_opaque(dictionary))
        ret, err = r.unpack("ii")
        return ret, err, u_bdict(r.opaque())

    def login(self, subvolume, **options):
        """DUMP, PING and SETVOLUME as a good client does; raises if the
        brick does not take us."""
        self.programs()
        self.ping()
        ret, err, answer = self.setvolume(subvolume, **options)
        if ret < 0:
            raise WireError("SETVOLUME: %d %r" % (err, answer))
        return self

    # --- file operations ---

    def send_fop(self, name, /, cred=None, **args):
        proc, body = pack_fop(name, **args)
        return self.send(FOP, FOP_VERSION, proc, body, cred=cred)

    def wait_fop(self, name, xid):
        return unpack_fop(name, self.wait(xid))

    def fop(self, name, /, cred=None, **args):
        return self.wait_fop(name, self.send_fop(name, cred=cred, **args))

    def write(self, gfid, fd, offset, data, xdata=None, **args):
        return self.fop("WRITE", gfid=gfid, fd=fd, offset=offset,
                        size=len(data), payload=data, xdata=xdata, **args)

    def create(self, name, parent=ROOT, gfid=None, flags=O_RDWR, mode=0o644,
               xdata=None, **args):
        gfid = gfid or uuid.uuid4().bytes
        x = {"gfid-req": v_gfid(gfid)}
        x.update(xdata or {})
        return self.fop("CREATE", pargfid=parent, bname=name, flags=flags,
                        mode=mode, xdata=x, **args)
